package io.sambay4j.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** From which length on a state inside a prompt is kept. */
final class WorthKeepingTest {
  @Test
  void aSmallModelKeepsShortPromptsAndALargeOneLongOnes() {
    assertEquals(
        new WorthKeeping(32, 16), WorthKeeping.of(4 << 20, 100_000), "the model in the box");
    assertEquals(new WorthKeeping(62, 16), WorthKeeping.of(1_000 << 20, 0), "half a billion, bf16");
    assertEquals(
        new WorthKeeping(128, 32), WorthKeeping.of(2_100L << 20, 23 << 20), "3.85 B, int4");
    assertEquals(new WorthKeeping(128, 32), WorthKeeping.of(7_700L << 20, 23 << 20), "bf16");
    assertEquals(new WorthKeeping(32, 16), WorthKeeping.of(0, 0));
  }

  @Test
  void aLargeStateCountsAsWellAsLargeWeights() {
    assertEquals(new WorthKeeping(80, 20), WorthKeeping.of(0, 640 << 20));
  }
}
