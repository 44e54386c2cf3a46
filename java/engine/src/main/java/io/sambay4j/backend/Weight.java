package io.sambay4j.backend;

import java.nio.ByteBuffer;

/**
 * A weight matrix [rows, cols] = [outputs, inputs] in the layout its backend likes best, zero until
 * set. Owned by whoever asked {@link Backend#weight} for it.
 */
public interface Weight extends AutoCloseable {
  int rows();

  int cols();

  /** How the matrix is kept. */
  DType dtype();

  /** Memory it occupies. */
  long bytes();

  /**
   * Packs rows {@code firstRow} to {@code firstRow + n - 1}.
   *
   * @param from {@code n * cols} numbers, little endian, row-major, from position to limit; not
   *     moved
   * @param dtype how the numbers are stored, not quantised; converted where it is not {@link
   *     #dtype()}, quantised by the rule of {@link Quantizer}
   * @throws IllegalArgumentException also if a number cannot be quantised, with its row and column
   */
  void setRows(int firstRow, ByteBuffer from, DType dtype);

  /**
   * Packs rows {@code firstRow} to {@code firstRow + n - 1} that are quantised already.
   *
   * @param codes little endian, from position to limit; not moved. INT8: [n, cols] signed bytes;
   *     INT4: [n, cols / 2] bytes, columns 2j and 2j + 1 as 8 + code in the low and the high half
   * @param scales [n, cols / 32] F16
   */
  void setQuantizedRows(int firstRow, ByteBuffer codes, ByteBuffer scales);

  @Override
  void close();
}
