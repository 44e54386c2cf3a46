package io.sambay4j.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import io.sambay4j.model.Chunk.Wanted;
import io.sambay4j.model.GoldenModel.Array;
import io.sambay4j.model.GoldenModel.Case;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every backend must reproduce of the golden models. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class GoldenModelContract {
  /** A new backend; the model closes it. */
  abstract Backend backend();

  Stream<String> models() {
    return GoldenModel.names();
  }

  Stream<String> bf16Models() {
    return GoldenModel.names().filter(name -> name.endsWith("-bf16") || name.startsWith("phi4"));
  }

  /** Ways of cutting a prompt. */
  int[] chunkSizes() {
    return new int[] {Integer.MAX_VALUE, 7, 3, 1};
  }

  @ParameterizedTest
  @MethodSource("models")
  void everyTensorOfAOneShotPrompt(String name) {
    GoldenModel golden = GoldenModel.read(name);
    try (SambayModel model = golden.load(backend(), DType.F32)) {
      for (Case c : golden.cases()) {
        Map<String, float[]> seen = new HashMap<>();
        SambayModel.Tap tap =
            new SambayModel.Tap() {
              @Override
              public void hidden(int index, Tensor h) {
                seen.put("hidden." + index, floats(model, h));
              }

              @Override
              public void memory(Tensor memory) {
                seen.put("memory", floats(model, memory));
              }

              @Override
              public void finalNorm(Tensor normed) {
                seen.put("final_norm", floats(model, normed));
              }
            };
        try (SequenceState sequence = model.states().acquire()) {
          float[][] logits = new float[c.inputIds().length][];
          model.forward(
              List.of(new Chunk(sequence, c.inputIds(), Wanted.ALL)),
              (chunk, token, row) -> logits[token] = row.clone(),
              tap);
          seen.put("logits", concat(logits));
          seen.put("last_logits", logits[logits.length - 1]);
          StateTensors.export(model, sequence)
              .forEach((state, array) -> seen.put(state, array.values()));
          int compared = 0;
          for (Map.Entry<String, Array> want : c.arrays().entrySet()) {
            if (!want.getKey().startsWith("greedy_")) {
              String what = name + " " + c.prefix() + want.getKey();
              float[] got = Objects.requireNonNull(seen.get(want.getKey()), what);
              GoldenModel.assertClose(
                  what, want.getValue().values(), got, GoldenModel.F32_TOLERANCE);
              compared++;
            }
          }
          assertTrue(compared > 0, "nothing was compared");
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void greedyTextAfterAnyWayOfReadingThePrompt(String name) {
    GoldenModel golden = GoldenModel.read(name);
    try (SambayModel model = golden.load(backend(), DType.F32)) {
      for (int chunk : chunkSizes()) {
        for (Case c : golden.cases()) {
          try (SequenceState sequence = model.states().acquire()) {
            String what = name + " " + c.prefix() + " in chunks of " + chunk;
            float[] logits = readPrompt(model, sequence, c.inputIds(), chunk);
            checkGreedy(what, model, List.of(sequence), List.of(c), List.of(logits));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void aBatchOfAllPrompts(String name) {
    GoldenModel golden = GoldenModel.read(name);
    try (SambayModel model = golden.load(backend(), DType.F32)) {
      List<SequenceState> sequences = new ArrayList<>();
      List<Chunk> chunks = new ArrayList<>();
      for (Case c : golden.cases()) {
        SequenceState sequence = model.states().acquire();
        sequences.add(sequence);
        chunks.add(new Chunk(sequence, c.inputIds(), Wanted.LAST));
      }
      float[][] logits = new float[chunks.size()][];
      model.forward(chunks, (chunk, token, row) -> logits[chunk] = row.clone());
      checkGreedy(name + " batched", model, sequences, golden.cases(), Arrays.asList(logits));
    }
  }

  @ParameterizedTest
  @MethodSource("bf16Models")
  void bf16ActivationsStayWithinTheRule(String name) {
    GoldenModel golden = GoldenModel.read(name);
    try (SambayModel model = golden.load(backend(), DType.BF16)) {
      for (Case c : golden.cases()) {
        try (SequenceState sequence = model.states().acquire()) {
          Array want = c.greedyLogits();
          double error = 0;
          double norm = 0;
          float[] logits = readPrompt(model, sequence, c.inputIds(), Integer.MAX_VALUE);
          for (int row = 0; row < want.rows(); row++) {
            double rowError = 0;
            double rowNorm = 0;
            float[] wantRow = want.row(row);
            for (int i = 0; i < logits.length; i++) {
              rowError += Math.pow((double) logits[i] - wantRow[i], 2);
              rowNorm += Math.pow(wantRow[i], 2);
            }
            String what = "%s %s row %d".formatted(name, c.prefix(), row);
            assertTrue(Math.sqrt(rowError / rowNorm) <= 0.20, what);
            error += rowError;
            norm += rowNorm;
            if (row < c.greedyIds().length) {
              Chunk next = next(model, sequence, c, row);
              logits = readPrompt(model, sequence, next.ids(), Integer.MAX_VALUE);
            }
          }
          assertTrue(Math.sqrt(error / norm) <= 0.06, name + " " + c.prefix());
        }
      }
    }
  }

  private static float[] readPrompt(
      SambayModel model, SequenceState sequence, int[] ids, int chunkSize) {
    if (sequence.length() == 0) { // however it is cut, its whole length decides
      sequence.useRopeFactors(model.config().ropeFactors(ids.length));
    }
    float[][] last = new float[1][];
    for (int from = 0; from < ids.length; ) {
      int to = (int) Math.min(ids.length, (long) from + chunkSize);
      model.forward(
          List.of(
              new Chunk(
                  sequence,
                  Arrays.copyOfRange(ids, from, to),
                  to == ids.length ? Wanted.LAST : Wanted.NONE)),
          (chunk, token, row) -> last[0] = row.clone());
      from = to;
    }
    return last[0];
  }

  /**
   * The next token of a greedy continuation, or all so far where it crosses into the long rotary
   * factors and the sequence begins again.
   */
  private static Chunk next(SambayModel model, SequenceState sequence, Case c, int step) {
    if (model.config().ropeFactors(sequence.length() + 1) == sequence.ropeFactors()) {
      return new Chunk(sequence, new int[] {c.greedyIds()[step]}, Wanted.LAST);
    }
    model.states().clear(sequence);
    int[] all = Arrays.copyOf(c.inputIds(), c.inputIds().length + step + 1);
    System.arraycopy(c.greedyIds(), 0, all, c.inputIds().length, step + 1);
    return new Chunk(sequence, all, Wanted.LAST);
  }

  /** Follows the greedy continuation of all cases in one batch and compares ids and logits. */
  private static void checkGreedy(
      String what,
      SambayModel model,
      List<SequenceState> sequences,
      List<Case> cases,
      List<float[]> first) {
    List<float[]> logits = new ArrayList<>(first);
    int steps = cases.stream().mapToInt(c -> c.greedyIds().length).max().orElseThrow();
    for (int step = 0; step <= steps; step++) {
      List<Chunk> chunks = new ArrayList<>();
      List<Integer> owners = new ArrayList<>();
      for (int i = 0; i < cases.size(); i++) {
        Case c = cases.get(i);
        if (step > c.greedyIds().length) {
          continue;
        }
        String where = what + " " + c.prefix() + " step " + step;
        GoldenModel.assertClose(
            where, c.greedyLogits().row(step), logits.get(i), GoldenModel.F32_TOLERANCE);
        if (step < c.greedyIds().length) {
          assertEquals(c.greedyIds()[step], argMax(logits.get(i)), where);
          chunks.add(next(model, sequences.get(i), c, step));
          owners.add(i);
        }
      }
      if (!chunks.isEmpty()) {
        model.forward(chunks, (chunk, token, row) -> logits.set(owners.get(chunk), row.clone()));
      }
    }
  }

  private static int argMax(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  private static float[] floats(SambayModel model, Tensor tensor) {
    float[] values = new float[tensor.rows() * tensor.cols()];
    model.backend().download(tensor, values, 0);
    return values;
  }

  private static float[] concat(float[][] rows) {
    float[] all = new float[rows.length * rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, all, i * rows[0].length, rows[0].length);
    }
    return all;
  }
}
