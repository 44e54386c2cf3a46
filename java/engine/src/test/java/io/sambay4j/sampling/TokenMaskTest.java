package io.sambay4j.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TokenMaskTest {
  private static final float NO = Float.NEGATIVE_INFINITY;

  @Test
  void fewAndManyTokensMaskAlike() {
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      int size = 1 + random.nextInt(400);
      double density = random.nextInt(4) * 0.33;
      BitSet set = new BitSet();
      for (int id = 0; id < size + 70; id++) { // some ids lie beyond the scores
        set.set(id, random.nextDouble() < density);
      }
      TokenMask mask = TokenMask.of(set);
      int end = random.nextInt(size);
      for (boolean mayEnd : new boolean[] {false, true}) {
        float[] scores = new float[size];
        Arrays.fill(scores, 1);
        mask.restrict(scores, new int[] {end}, mayEnd);
        for (int id = 0; id < size; id++) {
          boolean allowed = id == end ? mayEnd : set.get(id);
          assertEquals(allowed ? 1 : NO, scores[id], "seed " + seed + ", id " + id);
          assertEquals(set.get(id), mask.contains(id), "seed " + seed + ", id " + id);
        }
      }
      assertEquals(set.cardinality(), mask.count());
      assertArrayEquals(set.stream().filter(id -> id < size).toArray(), mask.ids(size));
    }
  }

  @Test
  void everyTokenIsAllowedButTheEnd() {
    float[] scores = {1, 2, 3};
    TokenMask.ALL.restrict(scores, new int[] {1}, false);
    assertArrayEquals(new float[] {1, NO, 3}, scores);
    assertTrue(TokenMask.ALL.contains(1 << 20));
    assertArrayEquals(new int[] {0, 1, 2}, TokenMask.ALL.ids(3));
  }

  @Test
  void noTokenLeavesTheEnd() {
    float[] scores = {1, 2, 3};
    TokenMask.NONE.restrict(scores, new int[] {1}, true);
    assertArrayEquals(new float[] {NO, 2, NO}, scores);
    assertEquals(0, TokenMask.of().count());
    assertFalse(TokenMask.NONE.contains(0));
  }
}
