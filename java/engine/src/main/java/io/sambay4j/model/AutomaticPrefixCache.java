package io.sambay4j.model;

import java.util.Locale;

/**
 * How much memory a prefix cache takes where nobody says: a quarter of what is free beside the
 * model, at most {@value #MAX_GIB} GiB, and nothing where that holds less than {@value
 * #LEAST_STATES} states.
 *
 * @param bytes of the cache; 0: none
 * @param free bytes beside weights, states and caches; negative where the model alone takes more
 *     than there is
 * @param state bytes that a state takes with its share of keys and values
 */
public record AutomaticPrefixCache(long bytes, long free, long state) {
  private static final int SHARE = 4;
  private static final int MAX_GIB = 4;
  private static final int LEAST_STATES = 4;

  /**
   * Divides the memory.
   *
   * @param model what the model takes without it; of the growing cache counts what is usual, see
   *     {@link MemoryEstimate#USUAL_TOKENS}
   * @param available bytes that a program can have now
   */
  public static AutomaticPrefixCache of(MemoryEstimate model, long available) {
    long free = available - model.usual();
    long state = PrefixCacheBudget.usualState(model.slot(), model.cachePerToken());
    long useful = PrefixCacheBudget.mostBytes(model.slot(), model.cachePerToken());
    long bytes = Math.min(Math.min(free / SHARE, (long) MAX_GIB << 30), useful);
    return new AutomaticPrefixCache(bytes < LEAST_STATES * state ? 0 : bytes, free, state);
  }

  /** One sentence on how much it is and why. */
  public String reason() {
    if (bytes > 0) {
      return "the prefix cache takes %s: %s are free beside the model"
          .formatted(size(bytes), size(free));
    }
    return state == 0
        ? "there is no prefix cache: the model has no state to keep"
        : "there is no prefix cache: %s are free beside the model, and a quarter of that does not hold %d states of %s"
            .formatted(size(Math.max(0, free)), LEAST_STATES, size(state));
  }

  private static String size(long bytes) {
    return bytes < 1L << 30
        ? String.format(Locale.ROOT, "%.1f MiB", bytes / 0x1p20)
        : String.format(Locale.ROOT, "%.1f GiB", bytes / 0x1p30);
  }
}
