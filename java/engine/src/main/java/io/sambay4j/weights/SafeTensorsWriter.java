package io.sambay4j.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.sambay4j.json.Quote;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Writes one safetensors file of any size: all tensors are declared first, then their data follows
 * in the declared order.
 *
 * <p>The data goes to a file beside the target; {@link #commit} puts it in the target's place in
 * one step, so a reader sees the old file or the whole new one. {@link #close} without {@code
 * commit} leaves the target as it was. For one thread.
 */
public final class SafeTensorsWriter implements AutoCloseable {
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
      if (type.isBlock()) {
        throw new IllegalArgumentException(name + ": safetensors has no " + type);
      }
      long bytes = type.bytes();
      for (long extent : shape) {
        bytes = Math.multiplyExact(bytes, extent);
      }
      return bytes;
    }
  }

  private final TensorDataWriter data;

  private SafeTensorsWriter(TensorDataWriter data) {
    this.data = data;
  }

  /**
   * Begins a file.
   *
   * @param target replaced on {@link #commit} if it exists; its folder must exist
   * @throws IllegalArgumentException if two tensors share a name
   */
  public static SafeTensorsWriter create(
      Path target, List<Declaration> tensors, Map<String, String> metadata) {
    List<TensorDataWriter.Slot> slots =
        tensors.stream()
            .map(tensor -> new TensorDataWriter.Slot(tensor.name(), tensor.type(), tensor.bytes()))
            .toList();
    return new SafeTensorsWriter(
        TensorDataWriter.create(target, header(tensors, metadata), slots, 1));
  }

  /**
   * Writes the next bytes of a tensor, little-endian as stored; a tensor may come in any number of
   * pieces.
   *
   * @throws IllegalStateException if it is not this tensor's turn or it would become too long
   */
  public void write(String name, ByteBuffer bytes) {
    data.write(name, bytes);
  }

  /** Writes the next elements of an F32, F16 or BF16 tensor, rounded to nearest even. */
  public void writeFloats(String name, float[] values) {
    data.writeFloats(name, values);
  }

  /** Writes the next elements of an I64 tensor. */
  public void writeLongs(String name, long[] values) {
    StorageType type = data.next(name).type();
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
    data.commit();
  }

  /** Releases the file; what was not committed is deleted. */
  @Override
  public void close() {
    data.close();
  }

  private static byte[] header(List<Declaration> tensors, Map<String, String> metadata) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
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
    byte[] json = out.toByteArray();
    return ByteBuffer.allocate(SafeTensorsHeader.LENGTH_BYTES + json.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length)
        .put(json)
        .array();
  }
}
