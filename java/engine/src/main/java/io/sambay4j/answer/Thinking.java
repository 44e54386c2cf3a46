package io.sambay4j.answer;

/**
 * How much a model may think before it answers.
 *
 * @param enabled whether it may think at all
 * @param budget at most so many tokens of thought, 0 or more; {@link #UNLIMITED} for no limit. When
 *     they are used up, the thought is closed and the answer begins
 * @param closing what is written at the end of a thought that is closed so, before the tag; may be
 *     empty
 */
public record Thinking(boolean enabled, int budget, String closing) {
  /** No limit. */
  public static final int UNLIMITED = -1;

  /** As the model likes. */
  public static final Thinking FREE = new Thinking(true, UNLIMITED, "");

  /** No thought. */
  public static final Thinking OFF = new Thinking(false, UNLIMITED, "");

  private static final int MAX_CLOSING_LENGTH = 1000;
  private static final String CLOSING = "\n\nI have thought enough and answer now.\n";

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if the budget is below -1 or the closing words are too long
   */
  public Thinking {
    if (budget < UNLIMITED) {
      throw new IllegalArgumentException(
          "the budget of a thought must be 0 or more tokens, or -1 for no limit, but was "
              + budget);
    }
    if (closing.length() > MAX_CLOSING_LENGTH) {
      throw new IllegalArgumentException(
          "what closes a thought must have at most %d characters".formatted(MAX_CLOSING_LENGTH));
    }
  }

  /** At most so many tokens of thought, then a sentence that leads over to the answer. */
  public static Thinking upTo(int tokens) {
    return new Thinking(true, tokens, CLOSING);
  }
}
