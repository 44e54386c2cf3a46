package io.sambay4j;

import io.sambay4j.sampling.TokenLogProbability;
import java.util.List;

/**
 * One generated token, as it leaves the engine.
 *
 * @param index from 0
 * @param id token id
 * @param text the text that became certain with this token: whole characters, possibly empty, never
 *     the beginning of a stop string. All texts joined are the generation's text
 * @param logProbability natural logarithm of the token's probability under the model, before
 *     temperature and penalties
 * @param alternatives the most probable tokens with theirs, best first, if the request asked for
 *     them
 */
public record GeneratedToken(
    int index, int id, String text, double logProbability, List<TokenLogProbability> alternatives) {
  public GeneratedToken {
    alternatives = List.copyOf(alternatives);
  }
}
