package io.sambay4j.weights;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Writes one GGUF file of any size, version 3: settings and tensors are declared first, then the
 * tensors' data follows in the declared order. The file is visible under its name only after {@link
 * #commit}. For one thread.
 */
public final class GgufWriter implements AutoCloseable {
  private static final int VERSION = 3;

  // Numbers of value types.
  private static final int U32 = 4;
  private static final int I32 = 5;
  private static final int F32 = 6;
  private static final int BOOL = 7;
  private static final int STRING = 8;
  private static final int ARRAY = 9;

  private final TensorDataWriter data;

  private GgufWriter(TensorDataWriter data) {
    this.data = data;
  }

  /**
   * A tensor to be written.
   *
   * @param type F32, F16, BF16, Q8_0 or Q4_0
   * @param shape extents from the outermost, each at least 1; the last a multiple of the type's
   *     block
   */
  @SuppressWarnings("ArrayRecordComponent") // copied in and out, never compared
  public record Declaration(String name, StorageType type, long... shape) {
    public Declaration {
      shape = shape.clone();
      if (name.isEmpty() || shape.length < 1 || shape.length > 4) {
        throw new IllegalArgumentException(
            "a tensor needs a name and 1 to 4 dimensions, not '%s' of %s"
                .formatted(name, Arrays.toString(shape)));
      }
      if (GgufHeader.number(type) < 0 || type == StorageType.Q6_K) {
        throw new IllegalArgumentException(name + ": " + type + " is not written to GGUF files");
      }
      for (long extent : shape) {
        if (extent < 1) {
          throw new IllegalArgumentException(
              name + ": shape " + Arrays.toString(shape) + " has an empty extent");
        }
      }
      if (shape[shape.length - 1] % type.blockElements() != 0) {
        throw new IllegalArgumentException(
            "%s: rows of %d elements cannot be cut into blocks of %d"
                .formatted(name, shape[shape.length - 1], type.blockElements()));
      }
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }

    /** Length of the data in bytes. */
    public long bytes() {
      return type.bytes(Arrays.stream(shape).reduce(1, Math::multiplyExact));
    }
  }

  /** Settings in the order they are put in. */
  public static final class Metadata {
    private final Map<String, byte[]> values = new LinkedHashMap<>();

    /** An unsigned 32-bit number. */
    public Metadata put(String key, int value) {
      return put(key, U32, 4, bytes -> bytes.putInt(value));
    }

    /** A 32-bit floating-point number. */
    public Metadata put(String key, float value) {
      return put(key, F32, 4, bytes -> bytes.putFloat(value));
    }

    /** True or false. */
    public Metadata put(String key, boolean value) {
      return put(key, BOOL, 1, bytes -> bytes.put((byte) (value ? 1 : 0)));
    }

    /** A text. */
    public Metadata put(String key, String value) {
      byte[] text = value.getBytes(StandardCharsets.UTF_8);
      return put(key, STRING, 8 + text.length, bytes -> bytes.putLong(text.length).put(text));
    }

    /** A list of texts. */
    public Metadata put(String key, List<String> list) {
      List<byte[]> texts = list.stream().map(s -> s.getBytes(StandardCharsets.UTF_8)).toList();
      int length = texts.stream().mapToInt(text -> 8 + text.length).sum();
      return put(
          key,
          ARRAY,
          12 + length,
          bytes -> {
            bytes.putInt(STRING).putLong(texts.size());
            texts.forEach(text -> bytes.putLong(text.length).put(text));
          });
    }

    /** A list of signed 32-bit numbers. */
    public Metadata put(String key, int... list) {
      return put(
          key,
          ARRAY,
          12 + 4 * list.length,
          bytes -> {
            bytes.putInt(I32).putLong(list.length);
            Arrays.stream(list).forEach(bytes::putInt);
          });
    }

    private Metadata put(String key, int type, int length, Consumer<ByteBuffer> value) {
      ByteBuffer bytes =
          ByteBuffer.allocate(4 + length).order(ByteOrder.LITTLE_ENDIAN).putInt(type);
      value.accept(bytes);
      if (values.put(key, bytes.array()) != null) {
        throw new IllegalArgumentException(key + " is there already");
      }
      return this;
    }
  }

  /**
   * Begins a file.
   *
   * @param target replaced on {@link #commit} if it exists; its folder must exist
   * @throws IllegalArgumentException if two tensors share a name
   */
  public static GgufWriter create(Path target, Metadata metadata, List<Declaration> tensors) {
    List<TensorDataWriter.Slot> slots =
        tensors.stream()
            .map(tensor -> new TensorDataWriter.Slot(tensor.name(), tensor.type(), tensor.bytes()))
            .toList();
    return new GgufWriter(
        TensorDataWriter.create(
            target, header(metadata, tensors), slots, GgufHeader.DEFAULT_ALIGNMENT));
  }

  private static byte[] header(Metadata metadata, List<Declaration> tensors) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(
        ByteBuffer.allocate(24)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(GgufHeader.MAGIC)
            .putInt(VERSION)
            .putLong(tensors.size())
            .putLong(metadata.values.size())
            .array());
    metadata.values.forEach(
        (key, value) -> {
          writeString(out, key);
          out.writeBytes(value);
        });
    long offset = 0;
    for (Declaration tensor : tensors) {
      writeString(out, tensor.name());
      long[] shape = tensor.shape();
      ByteBuffer place =
          ByteBuffer.allocate(16 + 8 * shape.length)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putInt(shape.length);
      for (int i = shape.length - 1; i >= 0; i--) { // the file begins with the innermost
        place.putLong(shape[i]);
      }
      out.writeBytes(place.putInt(GgufHeader.number(tensor.type())).putLong(offset).array());
      long end = Math.addExact(offset, tensor.bytes());
      offset = end + Math.floorMod(-end, GgufHeader.DEFAULT_ALIGNMENT);
    }
    return out.toByteArray();
  }

  private static void writeString(ByteArrayOutputStream out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeBytes(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(bytes.length).array());
    out.writeBytes(bytes);
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

  /**
   * Writes the next elements of a tensor, rounded or quantised to its type; of block types whole
   * blocks.
   */
  public void writeFloats(String name, float[] values) {
    data.writeFloats(name, values);
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
}
