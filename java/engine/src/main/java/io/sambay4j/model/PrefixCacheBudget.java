package io.sambay4j.model;

/**
 * What a prefix cache's bytes buy: places for copied slots, and blocks that the growing cache gets
 * beyond those of its sequences.
 *
 * @param places snapshots that fit
 * @param tokens of the growing cache
 */
record PrefixCacheBudget(int places, int tokens) {
  /** Enough for any traffic. */
  private static final int MOST_PLACES = 4096;

  /** Tokens between two kept states in ordinary traffic: what the two kinds are balanced for. */
  private static final int TOKENS_PER_STATE = 512;

  /** Bytes that one state takes in ordinary traffic. */
  static long usualState(long slot, long token) {
    return slot + token * TOKENS_PER_STATE;
  }

  /** Bytes beyond which no more states are kept. */
  static long mostBytes(long slot, long token) {
    return MOST_PLACES * usualState(slot, token);
  }

  /**
   * Divides the bytes.
   *
   * @param bytes of the prefix cache; 0: none
   * @param slot bytes of a sequence's fixed state
   * @param token bytes of a token in the growing cache
   */
  static PrefixCacheBudget of(long bytes, long slot, long token) {
    if (bytes <= 0) {
      return new PrefixCacheBudget(0, 0);
    }
    long growing = token * TOKENS_PER_STATE; // beside each slot
    double share = slot + growing == 0 ? 0 : (double) growing / (slot + growing);
    long most = Integer.MAX_VALUE / 4;
    long tokens = token == 0 ? 0 : Math.min(most, (long) (bytes * share) / token);
    long places = slot == 0 ? MOST_PLACES : (bytes - tokens * token) / slot;
    return new PrefixCacheBudget((int) Math.min(MOST_PLACES, places), (int) tokens);
  }
}
