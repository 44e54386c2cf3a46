package io.sambay4j.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** The edges of a draw, which random numbers do not meet by chance. */
class TokenWeightsTest {
  private static final float MASKED = Float.NEGATIVE_INFINITY;
  private static final long SMALLEST = 0;
  private static final long LARGEST = -1; // all bits set: 2^64 - 1

  private static TokenWeights weights(float... logits) {
    TokenWeights weights = new TokenWeights();
    weights.set(logits, 1, 1);
    return weights;
  }

  @Test
  void halfTheRandomNumbersGoToEachOfTwoEquals() {
    TokenWeights weights = weights(1, 1);
    assertEquals(0, weights.pick(SMALLEST));
    assertEquals(0, weights.pick(Long.MAX_VALUE)); // 2^63 - 1, the last of the lower half
    assertEquals(1, weights.pick(Long.MIN_VALUE)); // 2^63, the first of the upper half
    assertEquals(1, weights.pick(LARGEST));
  }

  @Test
  void noRandomNumberPicksAMaskedToken() {
    TokenWeights weights = weights(MASKED, 1, MASKED, 1, MASKED);
    assertEquals(1, weights.pick(SMALLEST));
    assertEquals(1, weights.pick(Long.MAX_VALUE));
    assertEquals(3, weights.pick(Long.MIN_VALUE));
    assertEquals(3, weights.pick(LARGEST));
  }

  @Test
  void noRandomNumberPicksADroppedToken() {
    TokenWeights weights = weights(0, 1, 0);
    weights.keepTopK(1);
    assertEquals(1, weights.pick(SMALLEST));
    assertEquals(1, weights.pick(LARGEST));
  }

  @Test
  void topPKeepsNoMoreThanItNeeds() {
    TokenWeights half = weights(1, 1, 1, 1);
    half.keepTopP(0.5);
    assertEquals(1, half.pick(LARGEST));
    TokenWeights more = weights(1, 1, 1, 1);
    more.keepTopP(Math.nextUp(0.5));
    assertEquals(2, more.pick(LARGEST));
  }
}
