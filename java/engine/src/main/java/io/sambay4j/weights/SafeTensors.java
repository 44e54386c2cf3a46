package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * One open safetensors file: a JSON header that says where each tensor lies, then the data.
 *
 * <p>The header is checked completely against the file's real length before anything is read by it.
 * Data is read by position, never mapped; see {@link TensorFile}.
 *
 * <p>Format: <a href="https://github.com/huggingface/safetensors">huggingface/safetensors</a>.
 */
public final class SafeTensors implements TensorFile {
  /** Longer headers are refused, as the format's own library does. */
  public static final int MAX_HEADER_BYTES = 100_000_000;

  private final TensorData data;
  private final SafeTensorsHeader header;

  private SafeTensors(TensorData data, SafeTensorsHeader header) {
    this.data = data;
    this.header = header;
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws InvalidModelException if the file is missing or anything in its header is not as it
   *     must be
   */
  public static SafeTensors open(Path file) {
    TensorData.Opened<SafeTensorsHeader> opened =
        TensorData.open(file, channel -> SafeTensorsHeader.read(file.toString(), channel));
    return new SafeTensors(opened.data(), opened.header());
  }

  @Override
  public Path file() {
    return data.file();
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return header.tensors();
  }

  /** The strings of the header's {@code __metadata__}. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  @Override
  public void read(TensorInfo tensor, long byteOffset, ByteBuffer into) {
    checkOwn(tensor);
    data.read(tensor, byteOffset, into);
  }

  /** All elements of an F32, F16 or BF16 tensor, as floats. */
  public float[] readFloats(TensorInfo tensor) {
    float[] values = new float[arrayLength(tensor)];
    readFloats(tensor, 0, values, 0, values.length);
    return values;
  }

  @Override
  public void readFloats(TensorInfo tensor, long firstElement, float[] into, int start, int count) {
    checkOwn(tensor);
    data.readFloats(tensor, firstElement, into, start, count);
  }

  /** All elements of an I64 or I32 tensor. */
  public long[] readLongs(TensorInfo tensor) {
    StorageType type = tensor.type();
    if (type != StorageType.I64 && type != StorageType.I32) {
      throw new IllegalArgumentException(tensor.name() + " is " + type + ", not I64 or I32");
    }
    int count = arrayLength(tensor);
    ByteBuffer all = TensorData.littleEndian(tensor.bytes());
    read(tensor, 0, all);
    all.flip();
    long[] values = new long[count];
    for (int i = 0; i < count; i++) {
      values[i] = type == StorageType.I64 ? all.getLong() : all.getInt();
    }
    return values;
  }

  @Override
  public void close() {
    data.close();
  }

  @Override
  public String toString() {
    return file() + " " + Arrays.toString(tensors().keySet().stream().limit(4).toArray());
  }

  private static int arrayLength(TensorInfo tensor) {
    if (tensor.elements() > Integer.MAX_VALUE - 8 || tensor.bytes() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(tensor + " is too large for one array, read it in parts");
    }
    return (int) tensor.elements();
  }
}
