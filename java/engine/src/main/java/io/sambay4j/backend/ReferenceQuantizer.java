package io.sambay4j.backend;

import io.sambay4j.weights.HalfPrecision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The rule of {@link Quantizer} as plain loops in f32. */
final class ReferenceQuantizer {
  private static final float LARGEST_F16 = 65504;
  private static final int INT8_CODES = 127;

  private ReferenceQuantizer() {}

  /** Quantises rows, which messages count from {@code firstRow}. */
  static void quantize(
      ByteBuffer from,
      DType fromDtype,
      int rows,
      int cols,
      int firstRow,
      DType dtype,
      Quantizer.Rows to) {
    ByteBuffer numbers = from.slice().order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer scales = to.scales().slice().order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer codes = to.codes().slice();
    float[] w = new float[DType.GROUP];
    int[] code = new int[DType.GROUP];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c += DType.GROUP) {
        for (int i = 0; i < DType.GROUP; i++) {
          w[i] = number(numbers, fromDtype);
          check(w[i], dtype, firstRow + r, c + i);
        }
        scales.putShort(dtype == DType.INT8 ? int8(w, code) : int4(w, code));
        for (int i = 0; i < DType.GROUP; i++) {
          if (dtype == DType.INT8) {
            codes.put((byte) code[i]);
          } else if (i % 2 == 1) {
            codes.put((byte) (code[i - 1] + 8 | (code[i] + 8) << 4));
          }
        }
      }
    }
  }

  static float number(ByteBuffer from, DType dtype) {
    return switch (dtype) {
      case F32 -> from.getFloat();
      case F16 -> HalfPrecision.fromF16(from.getShort());
      case BF16 -> HalfPrecision.fromBf16(from.getShort());
      case INT8, INT4 -> throw new IllegalArgumentException(dtype + " has no single numbers");
    };
  }

  private static void check(float value, DType dtype, int row, int column) {
    float largest = LARGEST_F16 * (dtype == DType.INT8 ? INT8_CODES : 7);
    if (!(Math.abs(value) <= largest)) {
      throw new IllegalArgumentException(
          "quantize: row %d, column %d is %s, expected a number of at most %s for %s"
              .formatted(row, column, value, largest, dtype == DType.INT8 ? "int8" : "int4"));
    }
  }

  private static float largestMagnitude(float[] w) {
    float largest = 0;
    for (float v : w) {
      largest = Math.max(largest, Math.abs(v));
    }
    return largest;
  }

  private static float inverse(float scale) {
    return scale == 0 ? 0 : 1 / scale;
  }

  /** scale = max |w| / 127, rounded up so that no code lies beyond 127; code = w / scale. */
  private static short int8(float[] w, int[] codes) {
    float exact = largestMagnitude(w) / INT8_CODES;
    short scale = HalfPrecision.toF16(exact);
    if (HalfPrecision.fromF16(scale) < exact) {
      scale++;
    }
    float inverse = inverse(HalfPrecision.fromF16(scale));
    for (int i = 0; i < w.length; i++) {
      codes[i] = (int) Math.rint(w[i] * inverse);
    }
    return scale;
  }

  /** Of the scales extreme / -8.75, extreme / -8.5, .. extreme / -7 the one of the least error. */
  private static short int4(float[] w, int[] codes) {
    float largest = largestMagnitude(w);
    float extreme = -largest; // positive if there is such a one
    for (float v : w) {
      extreme = v == largest ? largest : extreme;
    }
    short best = 0;
    float least = Float.POSITIVE_INFINITY;
    for (float divisor = 8.75f; divisor >= 7; divisor -= 0.25f) {
      short tried = HalfPrecision.toF16(extreme / -divisor);
      float scale = HalfPrecision.fromF16(tried);
      float inverse = inverse(scale);
      float errors = 0;
      for (float v : w) {
        float error = v - scale * int4Code(v, inverse);
        errors += error * error;
      }
      if (errors < least) {
        least = errors;
        best = tried;
      }
    }
    float inverse = inverse(HalfPrecision.fromF16(best));
    for (int i = 0; i < w.length; i++) {
      codes[i] = int4Code(w[i], inverse);
    }
    return best;
  }

  private static int int4Code(float v, float inverse) {
    return Math.max(-8, Math.min(7, (int) Math.rint(v * inverse)));
  }
}
