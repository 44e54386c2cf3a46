package io.sambay4j.weights;

import io.sambay4j.json.Quote;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * Writes a file of any size: a header, then the data of tensors in their declared order.
 *
 * <p>The data goes to a file beside the target; {@link #commit} puts it in the target's place in
 * one step, so a reader sees the old file or the whole new one. {@link #close} without {@code
 * commit} leaves the target as it was. For one thread.
 */
final class TensorDataWriter implements AutoCloseable {
  static final int CHUNK_BYTES = 1 << 20;

  /** A tensor, how it is stored, and the bytes of its data. */
  record Slot(String name, StorageType type, long bytes) {}

  private final Path target;
  private final Path temporary;
  private final FileChannel channel;
  private final List<Slot> slots;
  private final int alignment;
  private int current; // index of the tensor whose data comes next
  private long written; // bytes of it already written
  private boolean committed;

  private TensorDataWriter(
      Path target, Path temporary, FileChannel channel, List<Slot> slots, int alignment) {
    this.target = target;
    this.temporary = temporary;
    this.channel = channel;
    this.slots = slots;
    this.alignment = alignment;
  }

  /**
   * Begins a file.
   *
   * @param target replaced on {@link #commit} if it exists; its folder must exist
   * @param alignment zeros follow the header and each tensor up to a multiple of this
   * @throws IllegalArgumentException if two tensors share a name
   */
  @SuppressWarnings("MustBeClosedChecker") // the writer owns the channel
  static TensorDataWriter create(Path target, byte[] header, List<Slot> slots, int alignment) {
    Set<String> names = new HashSet<>();
    for (Slot slot : slots) {
      if (!names.add(slot.name)) {
        throw new IllegalArgumentException("two tensors are named " + Quote.of(slot.name));
      }
    }
    Path temporary = target.resolveSibling(target.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      FileChannel channel =
          FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
      TensorDataWriter writer =
          new TensorDataWriter(target, temporary, channel, List.copyOf(slots), alignment);
      try {
        writer.writeBytes(ByteBuffer.wrap(header));
        writer.pad();
      } catch (IOException e) {
        writer.close();
        throw e;
      }
      return writer;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + target, e);
    }
  }

  /**
   * Writes the next bytes of a tensor; it may come in any number of pieces.
   *
   * @throws IllegalStateException if it is not this tensor's turn or it would become too long
   */
  void write(String name, ByteBuffer bytes) {
    Slot tensor = next(name);
    if (bytes.remaining() > tensor.bytes - written) {
      throw new IllegalStateException(
          name
              + " has "
              + tensor.bytes
              + " bytes, "
              + (written + bytes.remaining())
              + " were given");
    }
    written += bytes.remaining();
    try {
      writeBytes(bytes);
      if (written == tensor.bytes) {
        current++;
        written = 0;
        pad();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + temporary, e);
    }
  }

  /**
   * Makes the file visible under its name, after its data has reached the disk.
   *
   * @throws IllegalStateException if a tensor's data is missing
   */
  void commit() {
    if (current < slots.size()) {
      throw new IllegalStateException(
          slots.get(current).name + " is not complete: " + written + " bytes were written");
    }
    try {
      channel.force(true);
      channel.close();
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      committed = true;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + target, e);
    }
  }

  /** Releases the file; what was not committed is deleted. */
  @Override
  public void close() {
    if (committed) {
      return;
    }
    try {
      channel.close();
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot remove " + temporary, e);
    }
  }

  /**
   * The tensor whose data comes next.
   *
   * @throws IllegalStateException if it is not the one of that name
   */
  Slot next(String name) {
    if (!channel.isOpen()) {
      throw new IllegalStateException("the writer of " + target + " is closed");
    }
    if (current == slots.size() || !slots.get(current).name.equals(name)) {
      String expected = current == slots.size() ? "nothing" : slots.get(current).name;
      throw new IllegalStateException(name + " was given, but " + expected + " comes next");
    }
    return slots.get(current);
  }

  /**
   * The bytes of numbers as a type stores them.
   *
   * @param count at most {@link #CHUNK_BYTES} / 4, whole blocks
   */
  static ByteBuffer encode(StorageType type, float[] values, int start, int count) {
    ByteBuffer bytes = TensorData.littleEndian(type.bytes(count));
    switch (type) {
      case F32 -> bytes.asFloatBuffer().put(values, start, count);
      case BF16 -> {
        for (int i = start; i < start + count; i++) {
          bytes.putShort(HalfPrecision.toBf16(values[i]));
        }
        bytes.flip();
      }
      case F16 -> {
        for (int i = start; i < start + count; i++) {
          bytes.putShort(HalfPrecision.toF16(values[i]));
        }
        bytes.flip();
      }
      default -> {
        BlockCodec.encode(type, values, start, count, bytes);
        bytes.flip();
      }
    }
    return bytes;
  }

  /** Writes the next elements of a tensor of a weight type; of block types whole blocks. */
  void writeFloats(String name, float[] values) {
    StorageType type = next(name).type;
    if (!type.isWeightType()) {
      throw new IllegalArgumentException(name + " is " + type + ", not a type of weights");
    }
    if (values.length % type.blockElements() != 0) {
      throw new IllegalArgumentException(
          "%s is written in blocks of %d elements, not %d"
              .formatted(name, type.blockElements(), values.length));
    }
    int atOnce = CHUNK_BYTES / Float.BYTES;
    for (int done = 0; done < values.length; done += atOnce) {
      write(name, encode(type, values, done, Math.min(atOnce, values.length - done)));
    }
  }

  private void pad() throws IOException {
    int rest = (int) (channel.position() % alignment);
    if (rest > 0) {
      writeBytes(ByteBuffer.allocate(alignment - rest));
    }
  }

  private void writeBytes(ByteBuffer bytes) throws IOException {
    int limit = bytes.limit();
    while (bytes.position() < limit) {
      // Bounds the JDK's native copy.
      bytes.limit(Math.min(limit, bytes.position() + CHUNK_BYTES));
      channel.write(bytes);
      bytes.limit(limit);
    }
  }
}
