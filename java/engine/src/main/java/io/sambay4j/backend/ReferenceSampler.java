package io.sambay4j.backend;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A row of logits, and the choice of a token from it: {@code docs/sampling.md} from the temperature
 * on, by sorting.
 */
final class ReferenceSampler {
  private static final long MAX_WEIGHT = 1L << 42;
  private static final double NEGLIGIBLE = -30;

  private final float[] logits;
  private final int best;

  ReferenceSampler(float[] logits) {
    this.logits = logits;
    int highest = 0;
    for (int id = 1; id < logits.length; id++) {
      if (logits[id] > logits[highest]) {
        highest = id;
      }
    }
    best = highest;
  }

  /** log_softmax(logits)[token]; NaN where that has no meaning. */
  double logProbability(int token) {
    double max = logits[best];
    double sum = 0;
    for (float logit : logits) {
      sum += StrictMath.exp(logit - max);
    }
    return logits[token] - max - StrictMath.log(sum);
  }

  int token(double temperature, int topK, double topP, double minP, long random) {
    if (temperature == 0 || Double.isNaN(logProbability(best))) {
      return best;
    }
    // w[i] = floor(2^42 exp((l[i] - max) / t) + 1/2)
    long[] weights = new long[logits.length];
    for (int id = 0; id < weights.length; id++) {
      double exponent = ((double) logits[id] - logits[best]) / temperature;
      weights[id] =
          exponent < NEGLIGIBLE ? 0 : (long) (StrictMath.exp(exponent) * MAX_WEIGHT + 0.5);
    }
    List<Integer> kept =
        IntStream.range(0, weights.length)
            .boxed()
            .sorted(
                Comparator.comparingLong((Integer id) -> -weights[id])) // stable: lower ids first
            .toList();
    if (topK > 0 && topK < kept.size()) {
      kept = kept.subList(0, topK);
    }
    if (topP < 1) {
      long needed = Math.max(1, (long) Math.ceil(topP * sum(weights, kept)));
      int size = 0;
      for (long sum = 0; sum < needed; size++) {
        sum += weights[kept.get(size)];
      }
      kept = kept.subList(0, size);
    }
    kept = kept.stream().filter(id -> weights[id] >= minP * MAX_WEIGHT).sorted().toList();
    // point = floor(u * sum(w) / 2^64), u unsigned
    long total = sum(weights, kept);
    long point = Math.multiplyHigh(random, total) + (random < 0 ? total : 0);
    long sum = 0;
    for (int id : kept) {
      sum += weights[id];
      if (sum > point) {
        return id;
      }
    }
    throw new AssertionError("no token at " + point + " of " + total);
  }

  private static long sum(long[] weights, List<Integer> ids) {
    return ids.stream().mapToLong(id -> weights[id]).sum();
  }
}
