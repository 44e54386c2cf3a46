package io.sambay4j.backend;

import io.sambay4j.weights.HalfPrecision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** A weight matrix as floats, row-major, each already rounded to the storage format. */
final class ReferenceWeight implements Weight {
  final ReferenceBackend backend;
  private final int rows;
  private final int cols;
  private final DType dtype;
  private float @Nullable [] elements;

  ReferenceWeight(ReferenceBackend backend, float[] elements, int rows, int cols, DType dtype) {
    this.backend = backend;
    this.elements = elements;
    this.rows = rows;
    this.cols = cols;
    this.dtype = dtype;
  }

  ReferenceMatrix matrix() {
    if (elements == null) {
      throw new IllegalStateException("the weight is closed");
    }
    return new ReferenceMatrix(elements, dtype, 0, rows, cols, cols);
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int cols() {
    return cols;
  }

  @Override
  public DType dtype() {
    return dtype;
  }

  @Override
  public long bytes() {
    return (long) rows * cols * Float.BYTES;
  }

  @Override
  public void setRows(int firstRow, ByteBuffer from, DType fromDtype) {
    synchronized (backend) {
      backend.checkOpen();
      ReferenceMatrix w = matrix();
      int n = Checks.setRows(this, firstRow, from, fromDtype);
      ByteBuffer numbers = from.slice().order(ByteOrder.LITTLE_ENDIAN);
      for (int r = firstRow; r < firstRow + n; r++) {
        for (int c = 0; c < cols; c++) {
          float value =
              switch (fromDtype) {
                case F32 -> numbers.getFloat();
                case F16 -> HalfPrecision.fromF16(numbers.getShort());
                case BF16 -> HalfPrecision.fromBf16(numbers.getShort());
              };
          w.set(r, c, value);
        }
      }
    }
  }

  @Override
  public void close() {
    synchronized (backend) {
      elements = null;
    }
  }
}
