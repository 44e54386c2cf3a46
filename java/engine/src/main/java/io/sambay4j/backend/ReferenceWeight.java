package io.sambay4j.backend;

import io.sambay4j.weights.HalfPrecision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * A weight matrix as floats, row-major, each already rounded to the storage format; quantised
 * weights keep codes and scales as well.
 */
final class ReferenceWeight implements Weight {
  final ReferenceBackend backend;
  private final int rows;
  private final int cols;
  private final DType dtype;
  private float @Nullable [] elements;
  private final byte[] codes; // [rows, cols], empty if not quantised
  private final float[] scales; // [rows, cols / 32]

  ReferenceWeight(ReferenceBackend backend, float[] elements, int rows, int cols, DType dtype) {
    this.backend = backend;
    this.elements = elements;
    this.rows = rows;
    this.cols = cols;
    this.dtype = dtype;
    this.codes = new byte[dtype.isQuantized() ? elements.length : 0];
    this.scales = new float[codes.length / DType.GROUP];
  }

  ReferenceMatrix matrix() {
    return new ReferenceMatrix(open(), dtype, 0, rows, cols, cols);
  }

  /** Code of an element of a quantised weight. */
  int code(int row, int col) {
    return codes[row * cols + col];
  }

  /** What the code is multiplied by. */
  float scale(int row, int col) {
    return scales[(row * cols + col) / DType.GROUP];
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
    return (long) rows * cols * Float.BYTES + codes.length + (long) scales.length * Float.BYTES;
  }

  @Override
  public void setRows(int firstRow, ByteBuffer from, DType fromDtype) {
    synchronized (backend) {
      backend.checkOpen();
      ReferenceMatrix w = matrix();
      int n = Checks.setRows(this, firstRow, from, fromDtype);
      if (dtype.isQuantized()) {
        Quantizer.Rows quantized = Quantizer.Rows.allocate(dtype, n, cols);
        ReferenceQuantizer.quantize(from, fromDtype, n, cols, firstRow, dtype, quantized);
        setQuantizedRows(firstRow, quantized.codes(), quantized.scales());
        return;
      }
      ByteBuffer numbers = from.slice().order(ByteOrder.LITTLE_ENDIAN);
      for (int r = firstRow; r < firstRow + n; r++) {
        for (int c = 0; c < cols; c++) {
          w.set(r, c, ReferenceQuantizer.number(numbers, fromDtype));
        }
      }
    }
  }

  @Override
  public void setQuantizedRows(int firstRow, ByteBuffer fromCodes, ByteBuffer fromScales) {
    synchronized (backend) {
      backend.checkOpen();
      float[] to = open();
      int n = Checks.setQuantizedRows(this, firstRow, fromCodes, fromScales);
      ByteBuffer given = fromCodes.slice();
      ByteBuffer factors = fromScales.slice().order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < n * cols; i++) {
        int at = firstRow * cols + i;
        float scale = HalfPrecision.fromF16(factors.getShort(i / DType.GROUP * Short.BYTES));
        int half = i % 2 == 0 ? given.get(i / 2) : given.get(i / 2) >> 4;
        int code = dtype == DType.INT8 ? given.get(i) : (half & 15) - 8;
        if (code < -127 || !Float.isFinite(scale)) {
          throw new IllegalArgumentException(
              "setQuantizedRows: row %d, column %d has the code %d and the scale %s"
                  .formatted(firstRow + i / cols, i % cols, code, scale));
        }
        codes[at] = (byte) code;
        scales[at / DType.GROUP] = scale;
        to[at] = code * scale;
      }
    }
  }

  private float[] open() {
    if (elements == null) {
      throw new IllegalStateException("the weight is closed");
    }
    return elements;
  }

  @Override
  public void close() {
    synchronized (backend) {
      elements = null;
    }
  }
}
