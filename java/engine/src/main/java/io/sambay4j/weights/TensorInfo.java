package io.sambay4j.weights;

import java.util.Arrays;

/**
 * One tensor of a safetensors file: what it is and where its bytes lie.
 *
 * @param name unique in its file and in its {@link Checkpoint}
 * @param type how one element is stored
 * @param shape extent of each dimension, each at least 1; empty for a scalar
 * @param offset first byte, counted from the start of the file
 * @param bytes length in bytes: the elements of {@code shape} times {@link StorageType#bytes()}
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out, compared by value below
public record TensorInfo(String name, StorageType type, long[] shape, long offset, long bytes) {
  public TensorInfo {
    shape = shape.clone();
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** Number of elements, the product of the shape. */
  public long elements() {
    return bytes / type.blockBytes() * type.blockElements();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TensorInfo that
        && name.equals(that.name)
        && type == that.type
        && Arrays.equals(shape, that.shape)
        && offset == that.offset
        && bytes == that.bytes;
  }

  @Override
  public int hashCode() {
    return 31 * name.hashCode() + Long.hashCode(offset);
  }

  @Override
  public String toString() {
    return name + " " + type + Arrays.toString(shape);
  }
}
