package io.sambay4j.sampling;

/**
 * The random generator of a sampler: SplitMix64 of Steele, Lea and Flood (2014), "Fast splittable
 * pseudorandom number generators", with the constants of its public-domain C version.
 *
 * <p>The n-th number is mix(seed + n * GAMMA). It is written out here because a seed promises the
 * same text on every machine and with every later version; changing it is a breaking change.
 */
final class SplitMix64 {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  private long state;

  SplitMix64(long seed) {
    state = seed;
  }

  /** 64 random bits. */
  long nextLong() {
    state += GAMMA;
    long z = state;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  SplitMix64 copy() {
    return new SplitMix64(state);
  }
}
