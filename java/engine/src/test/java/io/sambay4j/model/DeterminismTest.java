package io.sambay4j.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.NativeLibrary;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.weights.Checkpoint;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Deterministic mode: a token's logits and what it leaves behind have the same bits whether it came
 * alone or in a chunk, and whatever ran beside it.
 */
@Timeout(300)
final class DeterminismTest {
  private static final int SEQUENCES = 4;
  private static final int STEP = 96;

  @TempDir private static Path temporary;

  static Stream<Arguments> models() {
    List<Arguments> all = new ArrayList<>();
    for (String golden :
        List.of("flash-tiny-f32", "flash-gqa-window", "flash-deep", "variant-samba")) {
      all.add(Arguments.of(golden, TestModels.golden(golden), null, DType.F32));
    }
    all.add(Arguments.of("window 512", TestModels.golden("flash-w512-bf16"), null, DType.BF16));
    all.add(
        Arguments.of("dense", TestModels.dense(temporary.resolve("dense"), null), null, DType.F32));
    for (DType weights : List.of(DType.F32, DType.BF16, DType.F16, DType.INT8, DType.INT4)) {
      for (DType kept : List.of(DType.F32, DType.BF16)) {
        all.add(Arguments.of("tiny-reasoner", TestModels.TINY_REASONER, weights, kept));
      }
    }
    return all.stream();
  }

  private static SambayModel load(
      Path directory, WeightFormat weights, DType activations, String target) {
    ModelConfig config = ModelConfig.read(directory.resolve(ModelConfig.FILE));
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      LoadOptions options =
          new LoadOptions(weights, activations, 512, SEQUENCES, STEP, SEQUENCES * 512, 0, true);
      return ModelLoader.load(
          Backends.openRowByRow("auto", target, 0), config, checkpoint, options, (d, t) -> {});
    }
  }

  @ParameterizedTest(name = "{0} weights {2} activations {3}")
  @MethodSource("models")
  void chunksAndNeighboursChangeNothing(
      String name, Path directory, DType weights, DType activations) {
    long seed = new Random().nextLong();
    System.out.printf("%s %s %s: seed %d%n", name, weights, activations, seed);
    WeightFormat format = weights == null ? null : WeightFormat.of(weights);
    List<String> targets =
        NativeLibrary.isAvailable() ? List.of("auto", "avx2", "scalar") : List.of("auto");
    for (String target : targets) {
      Random random = new Random(seed);
      try (SambayModel model = load(directory, format, activations, target)) {
        int[] ids = TestModels.tokens(random, model, target.equals("auto") ? 200 : 90);
        List<float[]> wanted;
        Map<String, StateTensors.Named> kept;
        try (SequenceState alone = model.states().acquire()) {
          wanted = TestModels.feedAll(model, alone, ids, 1);
          kept = StateTensors.export(model, alone);
        }
        inACrowd(model, random, ids, wanted, kept, target + " seed " + seed);
      }
    }
  }

  private static void inACrowd(
      SambayModel model,
      Random random,
      int[] ids,
      List<float[]> wanted,
      Map<String, StateTensors.Named> kept,
      String what) {
    List<SequenceState> neighbours = new ArrayList<>();
    try (SequenceState sequence = model.states().acquire()) {
      for (int i = 1; i < SEQUENCES; i++) {
        neighbours.add(model.states().acquire());
      }
      while (sequence.length() < ids.length) {
        int from = sequence.length();
        int most = Math.min(ids.length - from, STEP - 2 * SEQUENCES);
        int count = random.nextBoolean() ? 1 : 1 + random.nextInt(most);
        List<Chunk> chunks = new ArrayList<>();
        int room = STEP - count;
        for (SequenceState neighbour : neighbours) {
          if (random.nextBoolean() && neighbour.length() < 300) {
            int rows = random.nextBoolean() ? 1 : 1 + random.nextInt(Math.max(1, room / 4));
            room -= rows;
            chunks.add(new Chunk(neighbour, TestModels.tokens(random, model, rows), Wanted.LAST));
          }
        }
        int mine = random.nextInt(chunks.size() + 1);
        chunks.add(
            mine, new Chunk(sequence, Arrays.copyOfRange(ids, from, from + count), Wanted.ALL));
        model.forward(
            chunks,
            (chunk, token, logits) -> {
              if (chunk == mine) {
                assertArrayEquals(
                    wanted.get(from + token), logits, what + " token " + (from + token));
              }
            });
      }
      Map<String, StateTensors.Named> got = StateTensors.export(model, sequence);
      assertEquals(kept.keySet(), got.keySet());
      kept.forEach(
          (name, array) -> assertArrayEquals(array.values(), got.get(name).values(), what + name));
    } finally {
      neighbours.forEach(SequenceState::close);
    }
  }

  @Test
  void whatCannotBeDeterministicIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Backends.openRowByRow("cuda", null, 0));
    assertThrows(IllegalArgumentException.class, () -> Backends.openRowByRow("cpu", "amx", 0));
  }
}
