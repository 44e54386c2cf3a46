package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NumbersTest {
  @Test
  void everyF16SurvivesTheWayToFloatAndBack() {
    for (int bits = 0; bits <= 0xFFFF; bits++) {
      float wide = Numbers.f16ToFloat((short) bits);
      if (Float.isNaN(wide)) {
        assertTrue(Float.isNaN(Numbers.f16ToFloat(Numbers.floatToF16(wide))));
      } else {
        assertEquals((short) bits, Numbers.floatToF16(wide));
      }
    }
  }

  @Test
  void everyBf16SurvivesTheWayToFloatAndBack() {
    for (int bits = 0; bits <= 0xFFFF; bits++) {
      float wide = Numbers.bf16ToFloat((short) bits);
      if (Float.isNaN(wide)) {
        assertTrue(Float.isNaN(Numbers.bf16ToFloat(Numbers.floatToBf16(wide))));
      } else {
        assertEquals((short) bits, Numbers.floatToBf16(wide));
      }
    }
  }

  @Test
  void knownValues() {
    assertEquals(1f / 3, Numbers.round(1f / 3, DType.F32));
    assertEquals(0.33325195f, Numbers.round(1f / 3, DType.F16));
    assertEquals(0.33398438f, Numbers.round(1f / 3, DType.BF16));
    assertEquals(65504f, Numbers.round(65519.996f, DType.F16));
    assertEquals(Float.POSITIVE_INFINITY, Numbers.round(65520f, DType.F16));
    assertEquals(Float.NEGATIVE_INFINITY, Numbers.round(-Float.MAX_VALUE, DType.BF16));
    assertEquals(0x1p-24f, Numbers.round(0x1.8p-25f, DType.F16));
    assertEquals(0f, Numbers.round(0x1p-25f, DType.F16)); // half-way: to even
    assertEquals(-0f, Numbers.round(-0x1p-30f, DType.F16));
    assertEquals(0x1p-14f, Numbers.round(Math.nextDown(0x1p-14f), DType.F16));
  }

  /** Nearest, ties to even, by looking at the two neighbours of the result. */
  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void roundsToNearestEven(DType dtype) {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int i = 0; i < 200_000; i++) {
      float value = (float) (random.nextGaussian() * Math.pow(2, random.nextInt(36) - 24));
      short bits = dtype == DType.F16 ? Numbers.floatToF16(value) : Numbers.floatToBf16(value);
      double error = Math.abs((double) value - widen(bits, dtype));
      for (short neighbour : new short[] {(short) (bits - 1), (short) (bits + 1)}) {
        float other = widen(neighbour, dtype);
        if (Float.isNaN(other) || Math.signum(other) * Math.signum(value) < 0) {
          continue;
        }
        double otherError = Math.abs((double) value - other);
        boolean nearest = error < otherError || (error == otherError && (bits & 1) == 0);
        assertTrue(nearest, "%s to %s, seed %d".formatted(value, dtype, seed));
      }
    }
  }

  private static float widen(short bits, DType dtype) {
    return dtype == DType.F16 ? Numbers.f16ToFloat(bits) : Numbers.bf16ToFloat(bits);
  }
}
