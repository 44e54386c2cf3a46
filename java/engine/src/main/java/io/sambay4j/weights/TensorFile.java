package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;

/**
 * An open file of tensors, read by position and never mapped: a mapped file that another process
 * shortens kills the VM, a short read is an exception. May be read from several threads at once;
 * interrupting a thread inside a read closes the file, as with any file channel.
 */
interface TensorFile extends AutoCloseable {
  /** The file this was opened from. */
  Path file();

  /** All tensors by name, in the order of their data. Unmodifiable; stays usable after close. */
  Map<String, TensorInfo> tensors();

  /**
   * A tensor by name.
   *
   * @throws InvalidModelException if the file has none of that name
   */
  default TensorInfo tensor(String name) {
    TensorInfo tensor = tensors().get(name);
    if (tensor == null) {
      throw new InvalidModelException(file() + ": tensor " + Quote.of(name) + " is missing");
    }
    return tensor;
  }

  /**
   * Returns if the description is of a tensor of this file.
   *
   * @throws IllegalArgumentException if not: its place cannot be trusted
   */
  default void checkOwn(TensorInfo tensor) {
    if (!tensor.equals(tensors().get(tensor.name()))) {
      throw new IllegalArgumentException(tensor + " is not a tensor of " + file());
    }
  }

  /**
   * Fills the remaining bytes of {@code into} with stored little-endian bytes of a tensor.
   *
   * @param tensor one of {@link #tensors()}
   * @param byteOffset first byte, counted from the start of the tensor
   * @throws InvalidModelException if the file ends early: it was shortened since it was opened
   * @throws IllegalStateException after {@link #close}
   */
  void read(TensorInfo tensor, long byteOffset, ByteBuffer into);

  /**
   * Reads {@code count} elements of a tensor of a weight type into {@code into}, from {@code
   * firstElement} on. Of block types whole blocks.
   *
   * @throws IllegalArgumentException if the tensor has another type or the range is outside it
   */
  void readFloats(TensorInfo tensor, long firstElement, float[] into, int start, int count);

  /**
   * Closes the file; later reads are {@link IllegalStateException}s. Closing again changes nothing.
   */
  @Override
  void close();
}
