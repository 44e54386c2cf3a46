package io.sambay4j.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.sambay4j.json.Quote;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * Writes one safetensors file of any size: all tensors are declared first, then their data follows
 * in the declared order.
 *
 * <p>The data goes to a file beside the target; {@link #commit} puts it in the target's place in
 * one step, so a reader sees the old file or the whole new one. {@link #close} without {@code
 * commit} leaves the target as it was. For one thread.
 */
public final class SafeTensorsWriter implements AutoCloseable {
  private static final int CHUNK_BYTES = 1 << 20;

  /**
   * A tensor to be written.
   *
   * @param shape extents, each at least 1; none for a scalar
   */
  @SuppressWarnings("ArrayRecordComponent") // copied in and out, never compared
  public record Declaration(String name, StorageType type, long... shape) {
    public Declaration {
      shape = shape.clone();
      if (name.isEmpty() || name.equals("__metadata__")) {
        throw new IllegalArgumentException("a tensor cannot be named " + Quote.of(name));
      }
      for (long extent : shape) {
        if (extent < 1) {
          throw new IllegalArgumentException(
              name + ": shape " + Arrays.toString(shape) + " has an empty extent");
        }
      }
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }

    /** Length of the data in bytes. */
    public long bytes() {
      long bytes = type.bytes();
      for (long extent : shape) {
        bytes = Math.multiplyExact(bytes, extent);
      }
      return bytes;
    }
  }

  private final Path target;
  private final Path temporary;
  private final FileChannel channel;
  private final List<Declaration> declarations;
  private int current; // index of the tensor whose data comes next
  private long written; // bytes of it already written
  private boolean committed;

  private SafeTensorsWriter(
      Path target, Path temporary, FileChannel channel, List<Declaration> declarations) {
    this.target = target;
    this.temporary = temporary;
    this.channel = channel;
    this.declarations = declarations;
  }

  /**
   * Begins a file.
   *
   * @param target replaced on {@link #commit} if it exists; its folder must exist
   * @throws IllegalArgumentException if two tensors share a name
   */
  @SuppressWarnings("MustBeClosedChecker")
  public static SafeTensorsWriter create(
      Path target, List<Declaration> tensors, Map<String, String> metadata) {
    byte[] header = header(tensors, metadata);
    Path temporary = target.resolveSibling(target.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      FileChannel channel =
          FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
      SafeTensorsWriter writer =
          new SafeTensorsWriter(target, temporary, channel, List.copyOf(tensors));
      try {
        writer.writeBytes(
            ByteBuffer.allocate(SafeTensorsHeader.LENGTH_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .flip());
        writer.writeBytes(ByteBuffer.wrap(header));
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
   * Writes the next bytes of a tensor, little-endian as stored; a tensor may come in any number of
   * pieces.
   *
   * @throws IllegalStateException if it is not this tensor's turn or it would become too long
   */
  public void write(String name, ByteBuffer bytes) {
    Declaration tensor = next(name);
    if (bytes.remaining() > tensor.bytes() - written) {
      throw new IllegalStateException(
          name
              + " has "
              + tensor.bytes()
              + " bytes, "
              + (written + bytes.remaining())
              + " were given");
    }
    written += bytes.remaining();
    try {
      writeBytes(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + temporary, e);
    }
    if (written == tensor.bytes()) {
      current++;
      written = 0;
    }
  }

  /** Writes the next elements of an F32, F16 or BF16 tensor, rounded to nearest even. */
  public void writeFloats(String name, float[] values) {
    StorageType type = next(name).type();
    if (!type.isWeightType()) {
      throw new IllegalArgumentException(name + " is " + type + ", not F32, F16 or BF16");
    }
    int chunkBytes = (int) Math.min(CHUNK_BYTES, (long) values.length * type.bytes());
    ByteBuffer chunk = ByteBuffer.allocate(chunkBytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int done = 0; done < values.length; ) {
      int end = Math.min(values.length, done + CHUNK_BYTES / type.bytes());
      for (chunk.clear(); done < end; done++) {
        switch (type) {
          case BF16 -> chunk.putShort(HalfPrecision.toBf16(values[done]));
          case F16 -> chunk.putShort(HalfPrecision.toF16(values[done]));
          default -> chunk.putFloat(values[done]);
        }
      }
      write(name, chunk.flip());
    }
  }

  /** Writes the next elements of an I64 tensor. */
  public void writeLongs(String name, long[] values) {
    StorageType type = next(name).type();
    if (type != StorageType.I64) {
      throw new IllegalArgumentException(name + " is " + type + ", not I64");
    }
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Long.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.asLongBuffer().put(values);
    write(name, bytes);
  }

  /**
   * Makes the file visible under its name, after its data has reached the disk.
   *
   * @throws IllegalStateException if a tensor's data is missing
   */
  public void commit() {
    if (current < declarations.size()) {
      throw new IllegalStateException(
          declarations.get(current).name()
              + " is not complete: "
              + written
              + " bytes were written");
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

  private Declaration next(String name) {
    if (!channel.isOpen()) {
      throw new IllegalStateException("the writer of " + target + " is closed");
    }
    if (current == declarations.size() || !declarations.get(current).name().equals(name)) {
      String expected =
          current == declarations.size() ? "nothing" : declarations.get(current).name();
      throw new IllegalStateException(name + " was given, but " + expected + " comes next");
    }
    return declarations.get(current);
  }

  private void writeBytes(ByteBuffer bytes) throws IOException {
    int limit = bytes.limit();
    while (bytes.position() < limit) {
      bytes.limit(Math.min(limit, bytes.position() + CHUNK_BYTES)); // bounds the JDK's native copy
      channel.write(bytes);
      bytes.limit(limit);
    }
  }

  private static byte[] header(List<Declaration> tensors, Map<String, String> metadata) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Set<String> names = new HashSet<>();
    long offset = 0;
    try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart("__metadata__");
        for (Map.Entry<String, String> entry : metadata.entrySet()) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
      }
      for (Declaration tensor : tensors) {
        if (!names.add(tensor.name())) {
          throw new IllegalArgumentException("two tensors are named " + Quote.of(tensor.name()));
        }
        json.writeObjectFieldStart(tensor.name());
        json.writeStringField("dtype", tensor.type().name());
        json.writeFieldName("shape");
        json.writeArray(tensor.shape(), 0, tensor.shape().length);
        long end = Math.addExact(offset, tensor.bytes());
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {offset, end}, 0, 2);
        json.writeEndObject();
        offset = end;
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    while (out.size() % Long.BYTES != 0) { // the data begins aligned, as other writers do it
      out.write(' ');
    }
    return out.toByteArray();
  }
}
