package io.sambay4j.sampling;

import java.util.ArrayList;
import java.util.List;

/**
 * The log-softmax of one row of logits: log p[i] = l[i] - max - log(sum over j of exp(l[j] - max)).
 *
 * <p>Sums are in double precision and nothing overflows, whatever the size of the logits. The
 * numbers are the same on every machine. The row is read, never copied or changed: it must stay as
 * it is while this object is used.
 */
public final class LogProbabilities {
  private final float[] logits;
  private final int best;
  private final double logSum;

  private LogProbabilities(float[] logits, int best) {
    this.logits = logits;
    this.best = best;
    double max = logits[best];
    double sum = 0;
    for (float logit : logits) {
      sum += StrictMath.exp(logit - max);
    }
    this.logSum = StrictMath.log(sum);
  }

  /**
   * Prepares the row in two passes over it.
   *
   * @param logits [vocabulary] of the model, negative infinity allowed where at least one is finite
   * @throws IllegalArgumentException if the row is empty
   * @throws IllegalStateException naming the id, if a logit is NaN or positive infinity, or if all
   *     are negative infinity
   */
  public static LogProbabilities of(float[] logits) {
    if (logits.length == 0) {
      throw new IllegalArgumentException("logits must hold at least one token but are empty");
    }
    return new LogProbabilities(logits, Logits.argMax(logits, "the model"));
  }

  /** log(sum over i of exp(l[i])), natural logarithm. */
  public double logSumExp() {
    return logits[best] + logSum;
  }

  /** The id of the most probable token, the lowest among equals. */
  public int best() {
    return best;
  }

  /**
   * The natural logarithm of a token's probability: at most 0, and negative infinity where the
   * logit is.
   *
   * @throws IllegalArgumentException if the id is outside the vocabulary
   */
  public double at(int id) {
    if (id < 0 || id >= logits.length) {
      throw new IllegalArgumentException(
          "token id must be in [0, " + (logits.length - 1) + "] but was " + id);
    }
    // The difference first: logSumExp() would lose the sum beside a logit of 1e38.
    return ((double) logits[id] - logits[best]) - logSum;
  }

  /**
   * The most probable tokens, most probable first, lower ids first among equals; tokens of
   * probability zero are left out.
   *
   * @param count in [0, {@value SamplingParameters#MAX_LOG_PROBABILITIES}]
   * @throws IllegalArgumentException if the count is outside
   */
  public List<TokenLogProbability> top(int count) {
    if (count < 0 || count > SamplingParameters.MAX_LOG_PROBABILITIES) {
      throw new IllegalArgumentException(
          "count must be in [0, "
              + SamplingParameters.MAX_LOG_PROBABILITIES
              + "] but was "
              + count);
    }
    int[] ids = new int[count];
    int size = 0;
    for (int id = 0; id < logits.length && count > 0; id++) {
      float logit = logits[id];
      if (logit == Float.NEGATIVE_INFINITY || (size == count && logit <= logits[ids[size - 1]])) {
        continue;
      }
      int rank = size < count ? size++ : size - 1;
      for (; rank > 0 && logits[ids[rank - 1]] < logit; rank--) {
        ids[rank] = ids[rank - 1];
      }
      ids[rank] = id;
    }
    List<TokenLogProbability> top = new ArrayList<>(size);
    for (int rank = 0; rank < size; rank++) {
      top.add(new TokenLogProbability(ids[rank], at(ids[rank])));
    }
    return List.copyOf(top);
  }
}
