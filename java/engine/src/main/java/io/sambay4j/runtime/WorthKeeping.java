package io.sambay4j.runtime;

import io.sambay4j.model.SambayModel;

/**
 * How many tokens a state inside a prompt must save to be worth what it costs: the prompt is cut
 * there, so all weights are read once more, and the state is copied. That takes a millisecond or
 * less in a small model, in which then short prompts are kept, and the time of reading a dozen
 * tokens in a large one.
 *
 * <p>Sizes decide, not the clock and not how busy the model is: where a prompt is cut may show in
 * the last bits of its logits.
 *
 * @param seenOnce tokens where nobody knows yet whether they will be seen again
 * @param seenAgain tokens that were seen before, and so are likely to come once more
 */
record WorthKeeping(int seenOnce, int seenAgain) {
  /** A slot is taken by nothing that saves less. */
  private static final int LEAST = 8;

  private static final int MOST_SEEN_ONCE = 128;
  private static final int MOST_SEEN_AGAIN = 32;

  /** A processor reads so much of its memory in about a millisecond. */
  private static final long BYTES_PER_TOKEN = 16 << 20;

  static WorthKeeping of(SambayModel model) {
    return of(model.weightBytes(), model.states().slotBytes());
  }

  /**
   * The same by sizes.
   *
   * @param weights bytes that a step reads
   * @param slot bytes of a state, which are read and written
   */
  static WorthKeeping of(long weights, long slot) {
    long tokens = (weights + 2 * slot) / BYTES_PER_TOKEN;
    return new WorthKeeping(
        (int) Math.max(LEAST, Math.min(tokens, MOST_SEEN_ONCE)),
        (int) Math.max(LEAST, Math.min(tokens / 4, MOST_SEEN_AGAIN)));
  }
}
