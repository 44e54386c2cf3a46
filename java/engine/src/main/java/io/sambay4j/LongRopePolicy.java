package io.sambay4j;

/**
 * When a model with LongRoPE (Phi-4-mini) changes from its short to its long rotary factors. They
 * differ in every layer, so a sequence is read wholly under the ones or wholly under the others.
 * Models without LongRoPE ignore it.
 */
public enum LongRopePolicy {
  /**
   * As published, the default: the long factors as soon as the sequence has more tokens than the
   * original context. A generation that crosses this length reads all its tokens again there, once,
   * in the chunks of a prompt; what it says after is what it would say to the whole text as a
   * prompt.
   */
  BY_LENGTH,
  /**
   * Fixed for each request by the most tokens its sequence can get: prompt plus maxTokens, or the
   * context where maxTokens is not given. Nothing is read again while tokens are generated, and a
   * short text may be continued under the long factors. In a session a request that may become
   * longer than the ones before reads the past again before its first token.
   */
  BY_MAX_LENGTH;

  /** The length to choose the factors by from the start; 0: by the length as it grows. */
  int expectedTokens(int promptTokens, int maxTokens) {
    return this == BY_LENGTH ? 0 : promptTokens + maxTokens;
  }
}
