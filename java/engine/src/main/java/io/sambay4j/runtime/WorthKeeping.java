package io.sambay4j.runtime;

import io.sambay4j.model.SambayModel;

/**
 * How many tokens a state inside a prompt must save to be worth what it costs: the prompt is cut
 * there, so all weights are read once more, and the state is copied. In a large model that takes as
 * long as reading a dozen tokens, and most prompts never come again; in a small one less, so that
 * shorter prompts are kept. Below some tens of tokens even there reading them again is cheaper.
 *
 * <p>Sizes decide, not the clock and not how busy the model is: where a prompt is cut may show in
 * the last bits of its logits.
 *
 * @param seenOnce tokens where nobody knows yet whether they will be seen again
 * @param seenAgain tokens that were seen before, and so are likely to come once more
 */
record WorthKeeping(int seenOnce, int seenAgain) {
  private static final int LEAST_SEEN_ONCE = 32;
  private static final int MOST_SEEN_ONCE = 128;
  private static final int LEAST_SEEN_AGAIN = 16;
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
        (int) Math.max(LEAST_SEEN_ONCE, Math.min(tokens, MOST_SEEN_ONCE)),
        (int) Math.max(LEAST_SEEN_AGAIN, Math.min(tokens / 4, MOST_SEEN_AGAIN)));
  }
}
