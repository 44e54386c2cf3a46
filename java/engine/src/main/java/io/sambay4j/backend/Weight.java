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
   * @param dtype how the numbers are stored; converted where it is not {@link #dtype()}
   */
  void setRows(int firstRow, ByteBuffer from, DType dtype);

  @Override
  void close();
}
