package io.sambay4j.backend;

/**
 * The storage formats of {@link DType} in plain Java: how a number is rounded to one (to nearest,
 * ties to even, as IEEE 754 asks) and read back. {@code Float.floatToFloat16} came with Java 20.
 */
public final class Numbers {
  private Numbers() {}

  /** The number of {@code dtype} that lies nearest to {@code value}. */
  public static float round(float value, DType dtype) {
    return switch (dtype) {
      case F32 -> value;
      case F16 -> f16ToFloat(floatToF16(value));
      case BF16 -> bf16ToFloat(floatToBf16(value));
    };
  }

  /** The upper half of the f32, rounded; NaN stays NaN. */
  public static short floatToBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40); // a quiet NaN: its payload may have been cut off
    }
    int roundToEven = 0x7FFF + ((bits >>> 16) & 1);
    return (short) ((bits + roundToEven) >>> 16);
  }

  public static float bf16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** IEEE half precision: 5 exponent bits, 10 mantissa bits; beyond 65504 infinity. */
  public static short floatToF16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & 0x8000;
    float magnitude = Math.abs(value);
    if (Float.isNaN(value)) {
      return (short) (sign | 0x7E00);
    }
    if (magnitude >= 65520f) { // half-way to the first number past the largest, 65504
      return (short) (sign | 0x7C00);
    }
    if (magnitude < 0x1p-14f) { // subnormal: a multiple of 2^-24; the exact product is rounded
      return (short) (sign | (int) Math.rint(magnitude * 0x1p24f));
    }
    int roundToEven = 0xFFF + ((bits >>> 13) & 1);
    int rebiased = (bits & 0x7FFFFFFF) + roundToEven - ((127 - 15) << 23);
    return (short) (sign | (rebiased >>> 13));
  }

  public static float f16ToFloat(short half) {
    int sign = (half & 0x8000) << 16;
    int exponent = (half >>> 10) & 0x1F;
    int mantissa = half & 0x3FF;
    if (exponent == 0) { // zero and subnormal numbers
      return Float.intBitsToFloat(sign | Float.floatToRawIntBits(mantissa * 0x1p-24f));
    }
    int wide = exponent == 0x1F ? 0xFF : exponent + 127 - 15;
    return Float.intBitsToFloat(sign | (wide << 23) | (mantissa << 13));
  }
}
