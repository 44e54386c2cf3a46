package io.sambay4j.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HalfPrecisionTest {
  private static float widen(int bits, boolean bf16) {
    return bf16 ? HalfPrecision.fromBf16((short) bits) : HalfPrecision.fromF16((short) bits);
  }

  private static short narrow(float value, boolean bf16) {
    return bf16 ? HalfPrecision.toBf16(value) : HalfPrecision.toF16(value);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void everyNumberSurvivesTheWayToFloatAndBack(boolean bf16) {
    for (int bits = 0; bits <= 0xFFFF; bits++) {
      float wide = widen(bits, bf16);
      if (Float.isNaN(wide)) {
        assertTrue(Float.isNaN(widen(narrow(wide, bf16), bf16)));
      } else {
        assertEquals((short) bits, narrow(wide, bf16));
      }
    }
  }

  @Test
  void knownValues() {
    assertEquals(0.33325195f, widen(narrow(1f / 3, false), false));
    assertEquals(0.33398438f, widen(narrow(1f / 3, true), true));
    assertEquals(65504f, widen(narrow(65519.996f, false), false));
    assertEquals(Float.POSITIVE_INFINITY, widen(narrow(65520f, false), false));
    assertEquals(Float.NEGATIVE_INFINITY, widen(narrow(-Float.MAX_VALUE, true), true));
    assertEquals(0x1p-24f, widen(narrow(0x1.8p-25f, false), false));
    assertEquals(0f, widen(narrow(0x1p-25f, false), false)); // half-way: to even
    assertEquals(-0f, widen(narrow(-0x1p-30f, false), false));
    assertEquals(0x1p-14f, widen(narrow(Math.nextDown(0x1p-14f), false), false));
    assertTrue(Float.isNaN(widen(narrow(Float.intBitsToFloat(0x7F800001), true), true)));
  }

  /** Nearest, ties to even, by looking at the two neighbours of the result. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void roundsToNearestEven(boolean bf16) {
    long seed = Long.getLong("sambay.seed", new Random().nextLong());
    Random random = new Random(seed);
    for (int i = 0; i < 200_000; i++) {
      float value = (float) (random.nextGaussian() * Math.pow(2, random.nextInt(36) - 24));
      short bits = narrow(value, bf16);
      double error = Math.abs((double) value - widen(bits, bf16));
      for (int neighbour : new int[] {bits - 1, bits + 1}) {
        float other = widen(neighbour, bf16);
        if (Float.isNaN(other) || Math.signum(other) * Math.signum(value) < 0) {
          continue;
        }
        double otherError = Math.abs((double) value - other);
        if (!(error < otherError || (error == otherError && (bits & 1) == 0))) {
          throw new AssertionError(value + ", bf16 " + bf16 + "; -Dsambay.seed=" + seed);
        }
      }
    }
  }
}
