package io.sambay4j.backend;

/**
 * A view of a matrix [rows, cols] in a {@link Storage}: row-major, the last dimension contiguous.
 * It owns nothing; a vector is a matrix of one row. Tokens of all sequences of a step lie end to
 * end along the rows.
 */
public final class Tensor {
  private final Storage storage;
  private final DType dtype;
  private final long offset;
  private final int rows;
  private final int cols;
  private final int stride;

  Tensor(Storage storage, DType dtype, long offset, int rows, int cols, int stride) {
    if (rows < 0 || cols < 0 || stride < cols || offset < 0) {
      throw new IllegalArgumentException(
          "no tensor of %d rows, %d columns, stride %d, offset %d"
              .formatted(rows, cols, stride, offset));
    }
    if (rows > 0 && offset + (rows - 1L) * stride + cols > storage.size()) {
      throw new IllegalArgumentException(
          "[%d, %d] with stride %d at %d does not fit into %d elements"
              .formatted(rows, cols, stride, offset, storage.size()));
    }
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.rows = rows;
    this.cols = cols;
    this.stride = stride;
  }

  /** Where the elements are. */
  public Storage storage() {
    return storage;
  }

  /** How an element is stored. */
  public DType dtype() {
    return dtype;
  }

  /** Index in the storage of element [0, 0]. */
  public long offset() {
    return offset;
  }

  public int rows() {
    return rows;
  }

  public int cols() {
    return cols;
  }

  /** Elements from one row to the next. */
  public int stride() {
    return stride;
  }

  /** The view [to - from, cols] of rows {@code from} (inclusive) to {@code to} (exclusive). */
  public Tensor rows(int from, int to) {
    checkRange("rows", from, to, rows);
    return new Tensor(storage, dtype, offset + (long) from * stride, to - from, cols, stride);
  }

  /** The view [rows, to - from] of columns {@code from} (inclusive) to {@code to} (exclusive). */
  public Tensor cols(int from, int to) {
    checkRange("columns", from, to, cols);
    return new Tensor(storage, dtype, offset + from, rows, to - from, stride);
  }

  /** The same elements as [rows, cols]; this tensor must be contiguous and hold as many or more. */
  public Tensor reshape(int newRows, int newCols) {
    if (stride != cols || (long) newRows * newCols > (long) rows * cols) {
      throw new IllegalArgumentException(
          "cannot view " + this + " as [" + newRows + ", " + newCols + "]");
    }
    return new Tensor(storage, dtype, offset, newRows, newCols, newCols);
  }

  /** Whether some element lies in both. Exact for views of equal stride, cautious for others. */
  boolean overlaps(Tensor other) {
    boolean apart =
        storage != other.storage
            || isEmpty()
            || other.isEmpty()
            || lastElement() < other.offset
            || other.lastElement() < offset;
    if (apart || stride != other.stride) {
      return !apart;
    }
    long column = offset % stride;
    long otherColumn = other.offset % stride;
    boolean neitherWraps = column + cols <= stride && otherColumn + other.cols <= stride;
    boolean besideEachOther = column + cols <= otherColumn || otherColumn + other.cols <= column;
    return !(neitherWraps && besideEachOther);
  }

  boolean isEmpty() {
    return rows == 0 || cols == 0;
  }

  private long lastElement() {
    return offset + (rows - 1L) * stride + cols - 1;
  }

  private void checkRange(String what, int from, int to, int size) {
    if (from < 0 || to < from || to > size) {
      throw new IllegalArgumentException("no %s %d..%d in %s".formatted(what, from, to, this));
    }
  }

  @Override
  public String toString() {
    return dtype.name().toLowerCase(java.util.Locale.ROOT) + "[" + rows + ", " + cols + "]";
  }
}
