package io.sambay4j;

import io.sambay4j.sampling.TokenLogProbability;
import java.util.List;

/**
 * How probable a text is to the model.
 *
 * @param tokens each scored token with its log-probability (natural logarithm) given all before it
 */
public record Score(List<TokenLogProbability> tokens) {
  public Score {
    tokens = List.copyOf(tokens);
  }

  /** Sum of the log-probabilities. */
  public double logProbability() {
    return tokens.stream().mapToDouble(TokenLogProbability::logProbability).sum();
  }

  /**
   * exp(-mean log-probability): 1 is certain, the vocabulary's size is a blind guess; NaN without
   * tokens.
   */
  public double perplexity() {
    return Math.exp(-logProbability() / tokens.size());
  }
}
