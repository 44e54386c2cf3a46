package io.sambay4j;

import java.time.Duration;

/**
 * What a generation cost.
 *
 * @param promptTokens tokens of the prompt
 * @param cachedTokens those of them that were not read, because a session had seen them or the
 *     prefix cache had a state after them
 * @param generatedTokens tokens generated
 * @param promptTime from the first step to the first token, waiting for other requests' rows
 *     included
 * @param generationTime from the first token to the last
 */
public record Usage(
    int promptTokens,
    int cachedTokens,
    int generatedTokens,
    Duration promptTime,
    Duration generationTime) {

  /** Prompt tokens read in a second; 0 if there was nothing to measure. */
  public double promptTokensPerSecond() {
    return rate(promptTokens - cachedTokens, promptTime);
  }

  /**
   * Tokens generated in a second, the first not counted: it comes out of the prompt; 0 if there was
   * only that.
   */
  public double generatedTokensPerSecond() {
    return rate(generatedTokens - 1, generationTime);
  }

  private static double rate(int tokens, Duration time) {
    return tokens <= 0 || time.isZero() ? 0 : tokens * 1e9 / time.toNanos();
  }
}
