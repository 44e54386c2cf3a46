package io.sambay4j.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What a machine's memory makes of the prefix cache. */
final class AutomaticPrefixCacheTest {
  private static final long MIB = 1 << 20;
  private static final long GIB = 1 << 30;

  /** 3.85 B in int4 with 16 sequences: 2.1 GiB of weights, 23 MiB a state, 5 KiB a token. */
  private static MemoryEstimate large(int context) {
    return new MemoryEstimate(2100 * MIB, 23 * MIB, 5 << 10, 200 * MIB, 16, context, 0);
  }

  private static final long LARGE = (2100 + 16 * 23 + 200) * MIB + 16 * 16_384 * 5L * 1024;

  @Test
  void aQuarterOfWhatIsFree() {
    AutomaticPrefixCache cache = AutomaticPrefixCache.of(large(16_384), LARGE + 8 * GIB);
    assertEquals(2 * GIB, cache.bytes());
    assertEquals(8 * GIB, cache.free());
    assertEquals(23 * MIB + 512 * 5 * 1024, cache.state());
    assertEquals(
        "the prefix cache takes 2.0 GiB: 8.0 GiB are free beside the model", cache.reason());
  }

  /** A context that nobody fills takes nothing away. */
  @Test
  void longContextsCountWithWhatIsUsual() {
    assertEquals(2 * GIB, AutomaticPrefixCache.of(large(262_144), LARGE + 8 * GIB).bytes());
  }

  @Test
  void neverMoreThanFourGibibytes() {
    assertEquals(4 * GIB, AutomaticPrefixCache.of(large(16_384), 1_000 * GIB).bytes());
  }

  @Test
  void neverMoreThanItHasPlacesFor() {
    MemoryEstimate small = new MemoryEstimate(4 * MIB, 128 << 10, 512, MIB, 16, 4096, 0);
    assertEquals(4096 * (384 << 10), AutomaticPrefixCache.of(small, 100 * GIB).bytes());
  }

  @Test
  void onASmallMachineThereIsNone() {
    AutomaticPrefixCache cache = AutomaticPrefixCache.of(large(16_384), LARGE + 300 * MIB);
    assertEquals(0, cache.bytes());
    assertEquals(
        "there is no prefix cache: 300.0 MiB are free beside the model, and a quarter of that does not hold 4 states of 25.5 MiB",
        cache.reason());
    AutomaticPrefixCache less = AutomaticPrefixCache.of(large(16_384), GIB);
    assertEquals(0, less.bytes());
    assertTrue(less.reason().contains("0.0 MiB are free"), less.reason());
  }

  @Test
  void aModelWithoutStateNeedsNone() {
    MemoryEstimate none = new MemoryEstimate(MIB, 0, 0, MIB, 1, 64, 0);
    AutomaticPrefixCache cache = AutomaticPrefixCache.of(none, GIB);
    assertEquals(0, cache.bytes());
    assertTrue(cache.reason().contains("no state"), cache.reason());
  }
}
