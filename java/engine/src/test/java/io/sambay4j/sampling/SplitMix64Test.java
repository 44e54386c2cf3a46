package io.sambay4j.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SplitMix64Test {

  @Test
  void givesThePublishedNumbers() {
    // The test vector that accompanies the C version in other projects, seed 1234567.
    SplitMix64 random = new SplitMix64(1234567);
    long[] expected = {
      6457827717110365317L, 3203168211198807973L, -8629252141511181193L, 4593380528125082431L
    };
    for (long number : expected) {
      assertEquals(number, random.nextLong());
    }
  }

  @Test
  void givesTheNumbersOfTheJdksSplitMix64() {
    for (long seed : new long[] {0, 1, -1, 42, Long.MIN_VALUE, Long.MAX_VALUE}) {
      SplitMix64 random = new SplitMix64(seed);
      SplittableRandom jdk = new SplittableRandom(seed);
      for (int i = 0; i < 1000; i++) {
        assertEquals(jdk.nextLong(), random.nextLong(), "seed " + seed + ", number " + i);
      }
    }
  }

  @Test
  void aCopyContinuesWhereTheOriginalIs() {
    SplitMix64 random = new SplitMix64(9);
    random.nextLong();
    SplitMix64 copy = random.copy();
    assertEquals(random.nextLong(), copy.nextLong());
  }
}
