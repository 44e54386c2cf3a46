package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One open GGUF file: a binary header with settings, vocabulary and the places of the tensors, then
 * their data. F32, F16, BF16, Q8_0, Q4_0 and Q6_K tensors are read; a file with others is refused.
 *
 * <p>The header is checked completely against the file's real length before anything is read by it.
 *
 * <p>Format: <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">ggml-org/ggml</a>,
 * versions 2 and 3, little endian.
 */
public final class Gguf implements TensorFile {
  /** How the names of such files end. */
  public static final String SUFFIX = ".gguf";

  private final TensorData data;
  private final GgufHeader header;
  private final Map<String, TensorInfo> tensors;
  private @Nullable Scratch scratch;

  /** Room for some blocks and their parts, used again and again. */
  private static final class Scratch {
    static final int BLOCKS = 1 << 15;

    final byte[] blocks = new byte[BLOCKS * 34];
    final byte[] codes = new byte[BLOCKS * 32];
    final byte[] scales = new byte[BLOCKS * Short.BYTES];
  }

  private Gguf(TensorData data, GgufHeader header, Map<String, TensorInfo> tensors) {
    this.data = data;
    this.header = header;
    this.tensors = tensors;
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws InvalidModelException if the file is missing or anything in its header is not as it
   *     must be
   */
  public static Gguf open(Path file) {
    TensorData.Opened<GgufHeader> opened =
        TensorData.open(file, channel -> GgufHeader.read(file.toString(), channel));
    return new Gguf(opened.data(), opened.header(), opened.header().tensors());
  }

  /**
   * The same open file with its tensors under other names; one of the two is to be closed.
   *
   * @param kept which of them it shall have, by their old names
   */
  public Gguf renamed(UnaryOperator<String> names, Predicate<String> kept) {
    Map<String, TensorInfo> others = new LinkedHashMap<>();
    for (TensorInfo info : tensors.values()) {
      if (!kept.test(info.name())) {
        continue;
      }
      String name = names.apply(info.name());
      TensorInfo other =
          new TensorInfo(name, info.type(), info.shape(), info.offset(), info.bytes());
      if (others.put(name, other) != null) {
        throw new InvalidModelException(file() + ": two tensors are called " + name + " here");
      }
    }
    return new Gguf(data, header, Collections.unmodifiableMap(others));
  }

  /** The version of the format: 2 or 3. */
  public int version() {
    return header.version();
  }

  /** The header's key-value pairs; usable after close. */
  public GgufMetadata metadata() {
    return header.metadata();
  }

  @Override
  public Path file() {
    return data.file();
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public void read(TensorInfo tensor, long byteOffset, ByteBuffer into) {
    checkOwn(tensor);
    data.read(tensor, byteOffset, into);
  }

  @Override
  public void readFloats(TensorInfo tensor, long firstElement, float[] into, int start, int count) {
    checkOwn(tensor);
    data.readFloats(tensor, firstElement, into, start, count);
  }

  /** See {@link Checkpoint#readQuantized}. */
  synchronized void readQuantized(
      TensorInfo tensor, long firstRow, int rows, ByteBuffer codes, ByteBuffer scales) {
    long cols = tensor.shape()[1];
    StorageType type = tensor.type();
    long blocks = rows * cols / type.blockElements();
    int codeBytes = type.blockBytes() - Short.BYTES;
    Scratch room = scratch == null ? new Scratch() : scratch;
    scratch = room;
    codes.clear();
    scales.clear();
    for (long done = 0; done < blocks; ) {
      int count = (int) Math.min(Scratch.BLOCKS, blocks - done);
      long start = type.bytes(firstRow * cols) + done * type.blockBytes();
      read(tensor, start, ByteBuffer.wrap(room.blocks, 0, count * type.blockBytes()));
      if (!BlockCodec.split(type, count, room.blocks, room.codes, room.scales)) {
        throw new InvalidModelException(
            "%s: tensor %s has a code of -128, and %s goes from -127 to 127"
                .formatted(file(), Quote.of(tensor.name()), type));
      }
      codes.put(room.codes, 0, count * codeBytes);
      scales.put(room.scales, 0, count * Short.BYTES);
      done += count;
    }
    codes.flip();
    scales.flip();
  }

  @Override
  public void close() {
    data.close();
  }
}
