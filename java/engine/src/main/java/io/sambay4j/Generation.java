package io.sambay4j;

import java.util.List;
import java.util.OptionalInt;

/**
 * A finished generation.
 *
 * @param text everything generated, without the stop string or end token; the texts of all tokens
 *     joined. After a cancel it lacks what was held back: half a character, or what might have
 *     become a stop string
 * @param tokens one entry per token
 * @param finishReason why it ended
 * @param endToken the end or stop token that ended it, also the last of {@code tokens}; empty if
 *     something else did
 * @param promptLogProbabilities each prompt token but the first with its log-probability given
 *     those before it; in a session those it had not seen, but the first of them; of several
 *     generations from one prompt at least one has them. Empty unless the request asked for them
 * @param usage tokens and times
 */
public record Generation(
    String text,
    List<GeneratedToken> tokens,
    FinishReason finishReason,
    OptionalInt endToken,
    List<PromptToken> promptLogProbabilities,
    Usage usage) {
  public Generation {
    tokens = List.copyOf(tokens);
    promptLogProbabilities = List.copyOf(promptLogProbabilities);
  }

  /** The generated ids. */
  public int[] tokenIds() {
    return tokens.stream().mapToInt(GeneratedToken::id).toArray();
  }
}
