package io.sambay4j.bench.quantization;

/** Distances between two rows of logits, and between two vectors. */
final class Divergence {
  private Divergence() {}

  /**
   * The Kullback-Leibler divergence sum p log(p / q) in nats, p = softmax(want), q = softmax(got).
   */
  static double kullbackLeibler(float[] want, float[] got) {
    double maxWant = max(want);
    double maxGot = max(got);
    double sumWant = 0;
    double sumGot = 0;
    double weighted = 0; // sum of exp(want) * (want - got), of shifted logits
    for (int i = 0; i < want.length; i++) {
      double p = Math.exp(want[i] - maxWant);
      sumWant += p;
      sumGot += Math.exp(got[i] - maxGot);
      weighted += p * ((want[i] - maxWant) - (got[i] - maxGot));
    }
    return Math.max(0, weighted / sumWant - Math.log(sumWant) + Math.log(sumGot));
  }

  /** The logarithm of softmax at an index. */
  static double logProbability(float[] logits, int id) {
    double max = max(logits);
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - max);
    }
    return logits[id] - max - Math.log(sum);
  }

  /** |got - want| / |want|, Euclidean; 0 of empty ones. */
  static double relativeError(float[] want, float[] got) {
    double error = 0;
    double norm = 0;
    for (int i = 0; i < want.length; i++) {
      double difference = (double) got[i] - want[i];
      error += difference * difference;
      norm += (double) want[i] * want[i];
    }
    return want.length == 0 ? 0 : Math.sqrt(error / norm);
  }

  /** The index of the largest, the first of equal ones. */
  static int best(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  private static double max(float[] values) {
    return values[best(values)];
  }
}
