package io.sambay4j.sampling;

import java.util.Arrays;

/**
 * The distribution a token is drawn from, as whole numbers: the most probable token weighs 2^42,
 * the others in proportion.
 *
 * <p>Sums of whole numbers are exact and do not depend on their order. So the filters below give
 * the same set however they find it, and a seed gives the same token on every machine, be the sum
 * taken by one thread, many, or a GPU. What rounding to 2^-42 of the highest probability loses is
 * beyond observation: a token below 2^-43 of it is never drawn.
 *
 * <p>No filter sorts. Each finds the weight of the last token it keeps digit by digit, in four
 * passes, whatever the weights are.
 */
final class TokenWeights {
  /** The weight of the most probable token. 2^20 tokens of it fit a long. */
  static final long MAX_WEIGHT = 1L << 42;

  private static final int DIGIT_BITS = 11;
  private static final int DIGITS = 4;
  private static final int RADIX = 1 << DIGIT_BITS;

  /** exp of less than this is below half a unit of weight. */
  private static final double NEGLIGIBLE = -30;

  private long[] weights = {};
  private long total;
  private final long[] histogram = new long[RADIX];

  /**
   * Sets the weights to 2^42 * exp((l[i] - max) / temperature), rounded.
   *
   * @param max the highest of the logits
   * @param temperature above 0
   */
  void set(float[] logits, float max, double temperature) {
    if (weights.length != logits.length) {
      weights = new long[logits.length];
    }
    total = 0;
    for (int id = 0; id < weights.length; id++) {
      double exponent = ((double) logits[id] - max) / temperature;
      long weight =
          exponent < NEGLIGIBLE ? 0 : (long) (StrictMath.exp(exponent) * MAX_WEIGHT + 0.5);
      weights[id] = weight;
      total += weight;
    }
  }

  /** Keeps the k tokens of highest weight, lower ids first among equals. */
  void keepTopK(int k) {
    if (k < weights.length) {
      keepHeaviest(k, false);
    }
  }

  /**
   * Keeps the smallest set of tokens of highest weight that holds at least the given share of the
   * total, lower ids first among equals and never fewer than one.
   */
  void keepTopP(double share) {
    keepHeaviest(Math.max(1, (long) Math.ceil(share * total)), true);
  }

  /** Keeps the tokens of at least the given fraction of the highest weight. */
  void keepMinP(double fraction) {
    double least = fraction * MAX_WEIGHT;
    for (int id = 0; id < weights.length; id++) {
      if (weights[id] < least) {
        drop(id);
      }
    }
  }

  /**
   * The token that a random number falls on: the first, in the order of ids, at which the running
   * sum of weights exceeds floor(random * total / 2^64), random taken as unsigned.
   */
  int pick(long random) {
    // The upper half of an unsigned 64 x 64 bit product, from the signed one.
    long point = Math.multiplyHigh(random, total) + (random < 0 ? total : 0);
    int id = 0;
    for (long sum = weights[0]; sum <= point; sum += weights[id]) {
      id++;
    }
    return id;
  }

  /** The weight of a token, 0 if it was dropped or is negligible. */
  long weight(int id) {
    return weights[id];
  }

  /**
   * Keeps the heaviest tokens until they amount to a quota, counted in weight or in tokens.
   *
   * <p>Finds the weight of the last one from its highest digit down: a histogram over the digit, of
   * the tokens that agree in the digits above, says in which bin the quota is used up.
   */
  private void keepHeaviest(long quota, boolean byWeight) {
    long last = 0; // the digits found so far, then the whole weight
    for (int digit = DIGITS - 1; digit >= 0; digit--) {
      int shift = digit * DIGIT_BITS;
      Arrays.fill(histogram, 0);
      for (long weight : weights) {
        if (weight >>> (shift + DIGIT_BITS) == last) {
          histogram[(int) (weight >>> shift) & (RADIX - 1)] += byWeight ? weight : 1;
        }
      }
      int bin = RADIX - 1;
      for (; bin > 0 && histogram[bin] < quota; bin--) {
        quota -= histogram[bin];
      }
      last = last << DIGIT_BITS | bin;
    }
    for (int id = 0;
        id < weights.length;
        id++) { // what is left of the quota goes to equals of the last one
      if (weights[id] < last || (weights[id] == last && quota <= 0)) {
        drop(id);
      } else if (weights[id] == last) {
        quota -= byWeight ? last : 1;
      }
    }
  }

  private void drop(int id) {
    total -= weights[id];
    weights[id] = 0;
  }
}
