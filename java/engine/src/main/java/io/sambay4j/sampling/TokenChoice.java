package io.sambay4j.sampling;

import java.util.List;

/**
 * The token a {@link Sampler} chose, and how probable the model itself held it to be.
 *
 * <p>Log-probabilities are those of the model: natural logarithms of softmax over the raw logits,
 * before any processor, bias, penalty, temperature or filter. So they say the same whatever the
 * sampling parameters are. A token that the model excludes (a raw logit of negative infinity) and a
 * processor brought back has negative infinity.
 *
 * @param token the id
 * @param logProbability of the token, at most 0
 * @param alternatives the most probable tokens, most probable first, lower ids first among equals;
 *     as many as {@link SamplingParameters#logProbabilities()} asks for, fewer only if fewer have a
 *     probability above zero; the chosen token is among them only if it belongs there
 */
public record TokenChoice(
    int token, double logProbability, List<TokenLogProbability> alternatives) {
  public TokenChoice {
    alternatives = List.copyOf(alternatives);
  }
}
