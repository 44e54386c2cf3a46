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

/** The bytes of an open {@link TensorFile}, and the numbers they stand for. */
final class TensorData implements AutoCloseable {
  /** Bytes moved per system call: the JDK keeps a native buffer of this size per reading thread. */
  private static final int CHUNK_BYTES = 1 << 20;

  private final Path file;
  private final FileChannel channel;

  private TensorData(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /** Reads the header of a file that was just opened. */
  interface HeaderReader<H> {
    H read(FileChannel channel) throws IOException;
  }

  /** A file that is open and its header. */
  record Opened<H>(TensorData data, H header) {}

  /**
   * Opens a file and reads its header; if that fails, the file is closed.
   *
   * @throws InvalidModelException if the file is missing or its header is not as it must be
   */
  @SuppressWarnings("MustBeClosedChecker") // the result owns the channel
  static <H> Opened<H> open(Path file, HeaderReader<H> reader) {
    if (!Files.isRegularFile(file)) { // a pipe would block, a device never end
      throw new InvalidModelException(file + ": no such file, or not a regular one");
    }
    try {
      FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
      TensorData data = new TensorData(file, channel);
      try {
        return new Opened<>(data, reader.read(channel));
      } catch (IOException | RuntimeException e) {
        data.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  Path file() {
    return file;
  }

  /** See {@link TensorFile#read}. */
  void read(TensorInfo tensor, long byteOffset, ByteBuffer into) {
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

  /** See {@link TensorFile#readFloats}. */
  void readFloats(TensorInfo tensor, long firstElement, float[] into, int start, int count) {
    StorageType type = tensor.type();
    if (!type.isWeightType()) {
      throw new IllegalArgumentException(
          tensor.name() + " is " + type + ", not F32, F16 or BF16, nor blocks of numbers");
    }
    int block = type.blockElements();
    if (firstElement % block != 0 || count % block != 0) {
      throw new IllegalArgumentException(
          "%s is read in blocks of %d elements, not %d from %d"
              .formatted(tensor.name(), block, count, firstElement));
    }
    int blocksAtOnce = CHUNK_BYTES / type.blockBytes();
    byte[] stored =
        new byte[(int) Math.min((long) blocksAtOnce * type.blockBytes(), type.bytes(count))];
    ByteBuffer chunk = ByteBuffer.wrap(stored).order(ByteOrder.LITTLE_ENDIAN);
    for (int done = 0; done < count; ) {
      int n = Math.min(count - done, blocksAtOnce * block);
      chunk.clear().limit((int) type.bytes(n));
      read(tensor, type.bytes(firstElement + done), chunk);
      if (type.isBlock()) {
        BlockCodec.decode(type, stored, into, start + done, n);
      } else {
        decode(type, chunk.flip(), into, start + done, n);
      }
      done += n;
    }
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

  static ByteBuffer littleEndian(long bytes) {
    return ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
