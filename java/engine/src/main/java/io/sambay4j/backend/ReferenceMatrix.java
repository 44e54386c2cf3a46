package io.sambay4j.backend;

import io.sambay4j.weights.HalfPrecision;

/** A tensor or weight opened: element [r, c] is {@code data[offset + r * stride + c]}. */
final class ReferenceMatrix {
  final int rows;
  final int cols;
  private final float[] data;
  private final DType dtype;
  private final int offset;
  private final int stride;

  ReferenceMatrix(float[] data, DType dtype, int offset, int rows, int cols, int stride) {
    this.data = data;
    this.dtype = dtype;
    this.offset = offset;
    this.rows = rows;
    this.cols = cols;
    this.stride = stride;
  }

  float get(int r, int c) {
    return data[offset + r * stride + c];
  }

  void set(int r, int c, double value) {
    float number = (float) value;
    data[offset + r * stride + c] =
        switch (dtype) {
          case F32 -> number;
          case F16 -> HalfPrecision.fromF16(HalfPrecision.toF16(number));
          case BF16 -> HalfPrecision.fromBf16(HalfPrecision.toBf16(number));
          case INT8, INT4 -> throw new IllegalStateException("a quantised weight is set in groups");
        };
  }
}
