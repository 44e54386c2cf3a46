package io.sambay4j.bench.quantization;

import io.sambay4j.model.SambayModel;
import java.io.IOException;
import java.util.Locale;

/** Distances of a format from the reference, averaged over stretches of a text. */
final class DriftScores {
  static final String HEADER =
      "format,position,positions,kl,top1,logit_error,memory_error,hidden_error\n";
  private static final int STRETCHES = 32;

  private final double[][] sums = new double[STRETCHES][5];
  private final int[] counts = new int[STRETCHES];
  private final int length;

  private DriftScores(int length) {
    this.length = length;
  }

  static DriftScores of(DriftReference reference, SambayModel model, int[] text, int every)
      throws IOException {
    DriftScores scores = new DriftScores(text.length);
    ReadText.read(
        model,
        text,
        every,
        (position, logits, memory, hidden) -> {
          float[] want = reference.next(logits.length);
          double[] distances = {
            Divergence.kullbackLeibler(want, logits),
            Divergence.best(want) == Divergence.best(logits) ? 1 : 0,
            Divergence.relativeError(want, logits),
            Divergence.relativeError(reference.next(memory.length), memory),
            Divergence.relativeError(reference.next(hidden.length), hidden)
          };
          scores.add(position, distances);
        });
    return scores;
  }

  private void add(int position, double[] distances) {
    int stretch = (int) ((long) position * STRETCHES / length);
    counts[stretch]++;
    for (int i = 0; i < distances.length; i++) {
      sums[stretch][i] += distances[i];
    }
  }

  /** A line for each stretch: the format, its middle, how many positions, and the means. */
  String csv(String format) {
    StringBuilder lines = new StringBuilder();
    for (int s = 0; s < STRETCHES; s++) {
      if (counts[s] == 0) {
        continue; // a text shorter than the stretches are many
      }
      lines.append(format).append(',').append((2L * s + 1) * length / (2 * STRETCHES));
      lines.append(',').append(counts[s]);
      for (double sum : sums[s]) {
        lines.append(String.format(Locale.ROOT, ",%.5g", sum / counts[s]));
      }
      lines.append('\n');
    }
    return lines.toString();
  }
}
