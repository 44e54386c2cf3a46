package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One open safetensors file: a JSON header that says where each tensor lies, then the data.
 *
 * <p>The header is checked completely against the file's real length before anything is read by it.
 * Data is read by position, never mapped: a mapped file that another process shortens kills the VM,
 * a short read is an exception. May be read from several threads at once; interrupting a thread
 * inside a read closes the file, as with any file channel.
 *
 * <p>Format: <a href="https://github.com/huggingface/safetensors">huggingface/safetensors</a>.
 */
public final class SafeTensors implements AutoCloseable {
  /** Longer headers are refused, as the format's own library does. */
  public static final int MAX_HEADER_BYTES = 100_000_000;

  /** Bytes moved per system call: the JDK keeps a native buffer of this size per reading thread. */
  private static final int CHUNK_BYTES = 1 << 20;

  private final Path file;
  private final FileChannel channel;
  private final SafeTensorsHeader header;

  private SafeTensors(Path file, FileChannel channel, SafeTensorsHeader header) {
    this.file = file;
    this.channel = channel;
    this.header = header;
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws InvalidModelException if the file is missing or anything in its header is not as it
   *     must be
   */
  @SuppressWarnings("MustBeClosedChecker")
  public static SafeTensors open(Path file) {
    if (!Files.isRegularFile(file)) { // a pipe would block, a device never end
      throw new InvalidModelException(file + ": no such file, or not a regular one");
    }
    FileChannel channel = null;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
      SafeTensors opened =
          new SafeTensors(file, channel, SafeTensorsHeader.read(file.toString(), channel));
      channel = null; // now owned by the result
      return opened;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    } finally {
      closeQuietly(channel);
    }
  }

  private static void closeQuietly(@Nullable FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** The file this was opened from. */
  public Path file() {
    return file;
  }

  /** All tensors by name, in the order of their data. Unmodifiable; stays usable after close. */
  public Map<String, TensorInfo> tensors() {
    return header.tensors();
  }

  /**
   * A tensor by name.
   *
   * @throws InvalidModelException if the file has none of that name
   */
  public TensorInfo tensor(String name) {
    TensorInfo tensor = header.tensors().get(name);
    if (tensor == null) {
      throw new InvalidModelException(file + ": tensor " + Quote.of(name) + " is missing");
    }
    return tensor;
  }

  /** The strings of the header's {@code __metadata__}. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /**
   * Fills the remaining bytes of {@code into} with stored little-endian bytes of a tensor.
   *
   * @param tensor one of {@link #tensors()}
   * @param byteOffset first byte, counted from the start of the tensor
   * @throws InvalidModelException if the file ends early: it was shortened since it was opened
   * @throws IllegalStateException after {@link #close}
   */
  public void read(TensorInfo tensor, long byteOffset, ByteBuffer into) {
    if (!tensor.equals(header.tensors().get(tensor.name()))) {
      throw new IllegalArgumentException(tensor + " is not a tensor of " + file);
    }
    if (byteOffset < 0 || byteOffset > tensor.bytes() - into.remaining()) {
      throw new IllegalArgumentException(
          tensor.name()
              + ": bytes "
              + byteOffset
              + " to "
              + (byteOffset + into.remaining())
              + " of "
              + tensor.bytes());
    }
    int limit = into.limit();
    long position = tensor.offset() + byteOffset;
    try {
      while (into.position() < limit) {
        into.limit(Math.min(limit, into.position() + CHUNK_BYTES));
        int read = channel.read(into, position);
        if (read < 0) {
          throw new InvalidModelException(
              file
                  + ": tensor "
                  + Quote.of(tensor.name())
                  + " should end at byte "
                  + (tensor.offset() + tensor.bytes())
                  + ", but the file now ends at or before byte "
                  + position
                  + ": it was shortened after being opened");
        }
        position += read;
      }
    } catch (ClosedByInterruptException e) {
      throw new UncheckedIOException("interrupted while reading " + file, e);
    } catch (ClosedChannelException e) {
      throw new IllegalStateException(file + " is closed", e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    } finally {
      into.limit(limit);
    }
  }

  /** All elements of an F32, F16 or BF16 tensor, as floats. */
  public float[] readFloats(TensorInfo tensor) {
    float[] values = new float[arrayLength(tensor)];
    readFloats(tensor, 0, values, 0, values.length);
    return values;
  }

  /**
   * Reads {@code count} elements of an F32, F16 or BF16 tensor into {@code into}, from {@code
   * firstElement} on.
   *
   * @throws IllegalArgumentException if the tensor has another type or the range is outside it
   */
  public void readFloats(TensorInfo tensor, long firstElement, float[] into, int start, int count) {
    if (!tensor.type().isWeightType()) {
      throw new IllegalArgumentException(
          tensor.name() + " is " + tensor.type() + ", not F32, F16 or BF16");
    }
    int width = tensor.type().bytes();
    ByteBuffer chunk = littleEndian(Math.min(CHUNK_BYTES, Math.multiplyExact((long) count, width)));
    for (int done = 0; done < count; ) {
      int n = Math.min(count - done, chunk.capacity() / width);
      chunk.clear().limit(n * width);
      read(tensor, (firstElement + done) * width, chunk);
      decode(tensor.type(), chunk.flip(), into, start + done, n);
      done += n;
    }
  }

  /** All elements of an I64 or I32 tensor. */
  public long[] readLongs(TensorInfo tensor) {
    StorageType type = tensor.type();
    if (type != StorageType.I64 && type != StorageType.I32) {
      throw new IllegalArgumentException(tensor.name() + " is " + type + ", not I64 or I32");
    }
    int count = arrayLength(tensor);
    ByteBuffer all = littleEndian(tensor.bytes());
    read(tensor, 0, all);
    all.flip();
    long[] values = new long[count];
    for (int i = 0; i < count; i++) {
      values[i] = type == StorageType.I64 ? all.getLong() : all.getInt();
    }
    return values;
  }

  /**
   * Closes the file; later reads are {@link IllegalStateException}s. Closing again changes nothing.
   */
  @Override
  public void close() {
    closeQuietly(channel);
  }

  @Override
  public String toString() {
    return file + " " + Arrays.toString(tensors().keySet().stream().limit(4).toArray());
  }

  private static void decode(
      StorageType type, ByteBuffer from, float[] into, int start, int count) {
    switch (type) {
      case F32 -> from.asFloatBuffer().get(into, start, count);
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          into[start + i] = HalfPrecision.fromBf16(from.getShort());
        }
      }
      case F16 -> {
        for (int i = 0; i < count; i++) {
          into[start + i] = HalfPrecision.fromF16(from.getShort());
        }
      }
      default -> throw new AssertionError(type); // readFloats refused it
    }
  }

  private static int arrayLength(TensorInfo tensor) {
    if (tensor.bytes() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(tensor + " is too large for one array, read it in parts");
    }
    return (int) tensor.elements();
  }

  private static ByteBuffer littleEndian(long bytes) {
    return ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
