package io.sambay4j.sampling;

import java.util.Arrays;
import java.util.Objects;

/**
 * The tokens of one sequence, oldest first: the prompt, then what was generated. Read-only for its
 * readers.
 */
public final class TokenHistory {
  private final int promptLength;
  private int[] tokens;
  private int length;

  TokenHistory(int[] prompt) {
    promptLength = prompt.length;
    tokens = prompt.clone();
    length = prompt.length;
  }

  private TokenHistory(TokenHistory other) {
    promptLength = other.promptLength;
    tokens = Arrays.copyOf(other.tokens, other.length);
    length = other.length;
  }

  /** How many tokens there are. */
  public int length() {
    return length;
  }

  /** How many of them, at the start, are the prompt. */
  public int promptLength() {
    return promptLength;
  }

  /** How many of them, at the end, were generated. */
  public int generatedLength() {
    return length - promptLength;
  }

  /**
   * The token at an index.
   *
   * @throws IndexOutOfBoundsException if the index is not in [0, length)
   */
  public int token(int index) {
    return tokens[Objects.checkIndex(index, length)];
  }

  void append(int token) {
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(16, length + (length >> 1)));
    }
    tokens[length++] = token;
  }

  TokenHistory copy() {
    return new TokenHistory(this);
  }
}
