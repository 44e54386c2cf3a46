package io.sambay4j;

import io.sambay4j.sampling.TokenLogProbability;
import java.util.List;

/**
 * A token of a prompt, as the model saw it come.
 *
 * @param token its id
 * @param logProbability natural logarithm of its probability under the model, given the tokens
 *     before it
 * @param alternatives the most probable tokens in its place with theirs, best first, as many as the
 *     request's sampling asks for
 */
public record PromptToken(
    int token, double logProbability, List<TokenLogProbability> alternatives) {
  public PromptToken {
    alternatives = List.copyOf(alternatives);
  }
}
