package io.sambay4j.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HalfPrecisionTest {
  @Test
  void everyBf16SurvivesTheRoundTrip() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = HalfPrecision.fromBf16((short) bits);
      short back = HalfPrecision.toBf16(value);
      assertTrue(
          Float.isNaN(value) ? Float.isNaN(HalfPrecision.fromBf16(back)) : back == (short) bits);
    }
  }

  @Test
  void everyF16SurvivesTheRoundTrip() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = HalfPrecision.fromF16((short) bits);
      short back = HalfPrecision.toF16(value);
      assertTrue(
          Float.isNaN(value) ? Float.isNaN(HalfPrecision.fromF16(back)) : back == (short) bits);
    }
  }

  /** Between two neighbours: the nearer one, the even one in the middle. */
  @Test
  void roundsToNearestEven() {
    for (int bits = 0; bits < 0x7BFF; bits++) {
      float low = HalfPrecision.fromF16((short) bits);
      float high = HalfPrecision.fromF16((short) (bits + 1));
      float middle = (low + high) / 2; // exact: 12 bits of mantissa
      assertEquals((short) (bits + (bits & 1)), HalfPrecision.toF16(middle));
      assertEquals((short) bits, HalfPrecision.toF16(Math.nextDown(middle)));
      assertEquals((short) (bits + 1), HalfPrecision.toF16(Math.nextUp(middle)));
    }
    for (int bits = 0; bits < 0x7F7F; bits++) {
      int middle = bits << 16 | 0x8000;
      assertEquals((short) (bits + (bits & 1)), HalfPrecision.toBf16(Float.intBitsToFloat(middle)));
      assertEquals((short) bits, HalfPrecision.toBf16(Float.intBitsToFloat(middle - 1)));
      assertEquals((short) (bits + 1), HalfPrecision.toBf16(Float.intBitsToFloat(middle + 1)));
    }
  }

  @Test
  void specialValues() {
    assertEquals(1.0f, HalfPrecision.fromF16((short) 0x3C00));
    assertEquals(65504f, HalfPrecision.fromF16((short) 0x7BFF));
    assertEquals(0x1p-24f, HalfPrecision.fromF16((short) 1));
    assertEquals(-0.0f, HalfPrecision.fromF16((short) 0x8000));
    assertEquals(Float.NEGATIVE_INFINITY, HalfPrecision.fromF16((short) 0xFC00));
    assertEquals((short) 0x7C00, HalfPrecision.toF16(65520f));
    assertEquals((short) 0x7BFF, HalfPrecision.toF16(65519.99f));
    assertEquals((short) 0x7C00, HalfPrecision.toF16(Float.MAX_VALUE));
    assertEquals((short) 0x7F80, HalfPrecision.toBf16(Float.MAX_VALUE));
    assertTrue(
        Float.isNaN(
            HalfPrecision.fromBf16(HalfPrecision.toBf16(Float.intBitsToFloat(0x7F800001)))));
    assertTrue(Float.isNaN(HalfPrecision.fromF16(HalfPrecision.toF16(Float.NaN))));
  }
}
