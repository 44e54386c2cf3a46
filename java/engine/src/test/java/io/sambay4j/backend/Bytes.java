package io.sambay4j.backend;

import io.sambay4j.weights.HalfPrecision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Numbers as a file holds them. */
final class Bytes {
  private Bytes() {}

  /** Little endian, rounded to {@code dtype}. */
  static ByteBuffer of(float[] values, DType dtype) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      switch (dtype) {
        case F32 -> bytes.putFloat(value);
        case F16 -> bytes.putShort(HalfPrecision.toF16(value));
        case BF16 -> bytes.putShort(HalfPrecision.toBf16(value));
        case INT8, INT4 -> throw new IllegalArgumentException(dtype + " has no single numbers");
      }
    }
    return bytes.flip();
  }
}
