package io.sambay4j.sampling;

import java.util.BitSet;
import java.util.Map;

/**
 * Bias and penalties of one sequence, with the counts of tokens they need. Formulas and order:
 * {@link SamplingParameters}.
 *
 * <p>Only logits that a bias or a count concerns are touched. Arithmetic is in double precision,
 * each result is rounded to f32 as the logits are and kept finite, so that a penalty never makes an
 * infinity of a very large logit.
 */
final class LogitAdjustment {
  private final SamplingParameters parameters;
  private final int[] biasedIds;
  private final double[] biases;

  /** Tokens of the prompt and of the text so far; empty if there is no repetition penalty. */
  private final BitSet seen;

  /**
   * Tokens generated and how often [vocabulary]; both empty if there is no presence or frequency
   * penalty.
   */
  private final BitSet generated;

  private final int[] generatedCounts;

  LogitAdjustment(SamplingParameters parameters, int vocabularySize, int[] promptTokens) {
    this.parameters = parameters;
    Map<Integer, Double> logitBias = parameters.logitBias();
    biasedIds = logitBias.keySet().stream().mapToInt(Integer::intValue).toArray();
    biases = logitBias.values().stream().mapToDouble(Double::doubleValue).toArray();
    seen = new BitSet();
    generated = new BitSet();
    generatedCounts = new int[countsGenerated() ? vocabularySize : 0];
    for (int token : promptTokens) {
      see(token);
    }
  }

  private LogitAdjustment(LogitAdjustment other) {
    parameters = other.parameters;
    biasedIds = other.biasedIds;
    biases = other.biases;
    seen = (BitSet) other.seen.clone();
    generated = (BitSet) other.generated.clone();
    generatedCounts = other.generatedCounts.clone();
  }

  LogitAdjustment copy() {
    return new LogitAdjustment(this);
  }

  /** True if {@link #apply} would leave every logit as it is, now and later. */
  boolean isIdentity() {
    return biasedIds.length == 0 && !penalisesRepetition() && !countsGenerated();
  }

  /** Takes note of a token that was generated. */
  void accept(int token) {
    see(token);
    if (countsGenerated()) {
      generated.set(token);
      generatedCounts[token]++;
    }
  }

  /** Changes the logits [vocabulary] in place. */
  void apply(float[] logits) {
    for (int i = 0; i < biasedIds.length; i++) {
      int id = biasedIds[i];
      logits[id] = finite(logits[id] + biases[i], logits[id]);
    }
    double repetition = parameters.repetitionPenalty();
    for (int id = seen.nextSetBit(0); id >= 0; id = seen.nextSetBit(id + 1)) {
      double logit = logits[id];
      logits[id] = finite(logit > 0 ? logit / repetition : logit * repetition, logits[id]);
    }
    double presence = parameters.presencePenalty();
    double frequency = parameters.frequencyPenalty();
    for (int id = generated.nextSetBit(0); id >= 0; id = generated.nextSetBit(id + 1)) {
      double penalty = presence + frequency * generatedCounts[id];
      logits[id] = finite(logits[id] - penalty, logits[id]);
    }
  }

  private void see(int token) {
    if (penalisesRepetition()) {
      seen.set(token);
    }
  }

  private boolean penalisesRepetition() {
    return parameters.repetitionPenalty() != 1;
  }

  private boolean countsGenerated() {
    return parameters.presencePenalty() != 0 || parameters.frequencyPenalty() != 0;
  }

  /** The new value as a finite float; an excluded token stays excluded. */
  private static float finite(double adjusted, float before) {
    return before == Float.NEGATIVE_INFINITY
        ? before
        : (float) Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, adjusted));
  }
}
