package io.sambay4j.model;

import static io.sambay4j.model.TestModels.tokens;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Draws;
import io.sambay4j.backend.Tensor;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.SambayModel.LogitsSink;
import io.sambay4j.model.SambayModel.Tap;
import io.sambay4j.weights.Checkpoint;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Decode steps as recorded graphs are the same steps, to the bit, whoever is in them. */
abstract class DecodeGraphContract {
  private static final int SLOTS = 6;
  private static final int ROUNDS = 12;

  private final long seed = Long.getLong("sambay.seed", new Random().nextLong());
  private final Random random = new Random(seed);

  /** A new backend that records graphs. */
  abstract Backend backend();

  private SambayModel load(String name, int slots) {
    return load(backend(), name, slots);
  }

  static SambayModel load(Backend backend, String name, int slots) {
    Path directory = TestModels.golden(name);
    ModelConfig config = ModelConfig.read(directory.resolve(ModelConfig.FILE));
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      LoadOptions options = new LoadOptions(null, DType.F32, 400, slots, 300, 7 * 64 * slots);
      return ModelLoader.load(backend, config, checkpoint, options, (done, total) -> {});
    }
  }

  /** What a step gave, by chunk. */
  private static final class Results implements LogitsSink {
    final float[][] logits;
    final int[] tokens;
    final double[] logProbabilities;

    Results(int chunks) {
      logits = new float[chunks][];
      tokens = new int[chunks];
      Arrays.fill(tokens, -1);
      logProbabilities = new double[chunks];
    }

    @Override
    public void accept(int chunk, int token, float[] row) {
      logits[chunk] = row.clone();
    }

    @Override
    public void chosen(int chunk, int token, double logProbability) {
      tokens[chunk] = token;
      logProbabilities[chunk] = logProbability;
    }
  }

  private static Results step(SambayModel model, List<Chunk> chunks, boolean graph) {
    Results results = new Results(chunks.size());
    if (graph) {
      model.forward(chunks, results);
    } else {
      model.forward(chunks, results, new Tap() {}); // whoever looks inside gets no graph
    }
    return results;
  }

  private static List<Chunk> next(List<SequenceState> sequences, int... ids) {
    List<Chunk> chunks = new ArrayList<>();
    for (int i = 0; i < sequences.size(); i++) {
      chunks.add(new Chunk(sequences.get(i), new int[] {ids[i]}, Wanted.LAST));
    }
    return chunks;
  }

  /** Sequences come and go, in every number from one to all; half of them are watched beside. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "flash-tiny-f32",
        "variant-samba",
        "variant-mamba",
        "variant-gmu-norm",
        "phi4mini-tiny"
      })
  void aGraphIsTheSameStep(String name) {
    try (SambayModel model = load(name, SLOTS)) {
      // Two of each: one decodes in graphs, its twin without.
      List<SequenceState> graphs = new ArrayList<>();
      List<SequenceState> plain = new ArrayList<>();
      for (int s = 0; s < SLOTS / 2; s++) {
        int[] prompt = tokens(random, model, s == 0 ? 3 : 1 + random.nextInt(70));
        for (List<SequenceState> side : List.of(graphs, plain)) {
          SequenceState sequence = model.states().acquire();
          // The first stays within the original context of LongRoPE, and others do not.
          sequence.useRopeFactors(model.config().ropeFactors(prompt.length + ROUNDS));
          step(model, List.of(new Chunk(sequence, prompt, Wanted.LAST)), false);
          side.add(sequence);
        }
      }
      for (int round = 0; round < ROUNDS; round++) {
        int n = 1 + random.nextInt(SLOTS / 2);
        int[] ids = tokens(random, model, n);
        float[][] want = step(model, next(plain.subList(0, n), ids), false).logits;
        float[][] got = step(model, next(graphs.subList(0, n), ids), true).logits;
        for (int i = 0; i < n; i++) {
          String what = "%s, round %d, row %d of %d, -Dsambay.seed=%d";
          assertArrayEquals(want[i], got[i], what.formatted(name, round, i, n, seed));
        }
      }
    }
  }

  /** With slots to spare, three sequences take a graph of four rows; one row works on a spare. */
  @Test
  void rowsWithoutASequenceDisturbNobody() {
    try (SambayModel model = load("flash-tiny-f32", SLOTS)) {
      int[] prompt = tokens(random, model, 9);
      int[] ids = tokens(random, model, 5);
      float[][] want = new float[ids.length][];
      try (SequenceState alone = model.states().acquire()) {
        step(model, List.of(new Chunk(alone, prompt, Wanted.LAST)), false);
        for (int i = 0; i < ids.length; i++) {
          want[i] = step(model, next(List.of(alone), ids[i]), false).logits[0];
        }
      }
      List<SequenceState> three = new ArrayList<>();
      for (int s = 0; s < 3; s++) {
        SequenceState sequence = model.states().acquire();
        step(model, List.of(new Chunk(sequence, prompt, Wanted.LAST)), false);
        three.add(sequence);
      }
      for (int i = 0; i < ids.length; i++) {
        float[][] got = step(model, next(three, ids[i], ids[i], ids[i]), true).logits;
        for (float[] row : got) {
          assertArrayEquals(want[i], row, "step %d, -Dsambay.seed=%d".formatted(i, seed));
        }
        // The spare slot is taken and used between two launches.
        try (SequenceState late = model.states().acquire()) {
          step(model, List.of(new Chunk(late, prompt, Wanted.LAST)), false);
          assertArrayEquals(want[0], step(model, next(List.of(late), ids[0]), false).logits[0]);
        }
      }
    }
  }

  /** The block table of a graph is as wide as its longest sequence needs, and grows. */
  @Test
  void aSequenceThatOutgrowsItsGraph() {
    try (SambayModel model = load("flash-tiny-f32", 2);
        SequenceState graph = model.states().acquire();
        SequenceState plain = model.states().acquire()) {
      int[] prompt = tokens(random, model, 4 * StatePool.BLOCK_TOKENS - 4);
      for (SequenceState sequence : List.of(graph, plain)) {
        step(model, List.of(new Chunk(sequence, prompt, Wanted.LAST)), false);
      }
      for (int i = 0; i < 9; i++) {
        int id = tokens(random, model, 1)[0];
        float[] want = step(model, next(List.of(plain), id), false).logits[0];
        float[] got = step(model, next(List.of(graph), id), true).logits[0];
        assertArrayEquals(want, got, "token %d, -Dsambay.seed=%d".formatted(i, seed));
      }
    }
  }

  /** Tokens chosen in a graph are those that the same numbers choose from the logits. */
  @Test
  void tokensAreDrawnWhereTheyMayBe() {
    try (SambayModel model = load("flash-tiny-f32", SLOTS)) {
      List<SequenceState> drawn = new ArrayList<>();
      List<SequenceState> plain = new ArrayList<>();
      for (List<SequenceState> side : List.of(drawn, plain)) {
        for (int s = 0; s < 3; s++) {
          SequenceState sequence = model.states().acquire();
          step(model, List.of(new Chunk(sequence, new int[] {s + 1}, Wanted.LAST)), false);
          side.add(sequence);
        }
      }
      for (int round = 0; round < 6; round++) {
        int[] ids = tokens(random, model, 3);
        float[][] logits = step(model, next(plain, ids), false).logits;
        List<Chunk> chunks = new ArrayList<>();
        Draws want = new Draws(3);
        for (int i = 0; i < 3; i++) {
          Draw draw =
              i == 1
                  ? null // this one wants its logits, beside the others' tokens
                  : new Draw(
                      random.nextInt(3) * 0.7, random.nextInt(9), 0.9, 0.01, random.nextLong());
          chunks.add(new Chunk(drawn.get(i), new int[] {ids[i]}, Wanted.LAST, draw));
          SambayModel.setDraw(want, i, chunks.get(i));
        }
        Results got = step(model, chunks, round % 3 != 0);
        Tensor rows = model.work().logits().rows(0, 3);
        for (int i = 0; i < 3; i++) {
          model.backend().upload(logits[i], 0, rows.rows(i, i + 1));
        }
        model.backend().sample(rows, want);
        assertArrayEquals(logits[1], got.logits[1]);
        assertEquals(-1, got.tokens[1]);
        for (int i : new int[] {0, 2}) {
          String what = "row %d of round %d, -Dsambay.seed=%d".formatted(i, round, seed);
          assertEquals(want.token()[i], got.tokens[i], what);
          assertEquals(want.logProbability()[i], got.logProbabilities[i], 1e-12, what);
          assertTrue(got.logits[i] == null, what);
        }
      }
    }
  }
}
