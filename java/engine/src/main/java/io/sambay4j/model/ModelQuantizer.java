package io.sambay4j.model;

import io.sambay4j.InvalidModelException;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Quantizer;
import io.sambay4j.model.ModelTensors.Expected;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.FileChecksum;
import io.sambay4j.weights.ModelDirectory;
import io.sambay4j.weights.QuantizationManifest;
import io.sambay4j.weights.SafeTensorsWriter;
import io.sambay4j.weights.SafeTensorsWriter.Declaration;
import io.sambay4j.weights.StorageType;
import io.sambay4j.weights.TensorInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Writes a quantised copy of a model directory, tensor by tensor through one buffer. The copy loads
 * to the same bits as the directory itself when that is quantised on loading.
 *
 * <p>It grows in a directory beside the target, which takes the target's name in one step when all
 * of it has reached the disk; whatever ends the work before leaves nothing under that name.
 */
public final class ModelQuantizer {
  private static final int STAGING_BYTES = 32 << 20;
  private static final long SPARE_BYTES = 16 << 20; // for headers, and so that the disk is not full

  private final ModelDirectory source;
  private final Checkpoint checkpoint;
  private final ModelTensors tensors;
  private final WeightFormat format;
  private final ModelLoader.Progress progress;
  private final Map<String, StorageType> quantized = new LinkedHashMap<>();
  private long bytesDone;
  private long bytesTotal;

  private ModelQuantizer(
      ModelDirectory source,
      Checkpoint checkpoint,
      ModelTensors tensors,
      WeightFormat format,
      ModelLoader.Progress progress) {
    this.source = source;
    this.checkpoint = checkpoint;
    this.tensors = tensors;
    this.format = format;
    this.progress = progress;
  }

  /**
   * Quantises a directory.
   *
   * @param to must not exist; its parent must
   * @param format whose parts may be left as they are stored by any format that is not quantised
   * @param progress told the bytes read and written
   * @return what the new directory says of itself
   * @throws InvalidModelException if {@code from} is not a model, is quantised already, or has
   *     numbers that cannot be quantised
   * @throws IllegalArgumentException if {@code to} exists, or nothing would be quantised
   * @throws UncheckedIOException if the disk has no room, or fails
   */
  public static QuantizationManifest quantize(
      Path from, Path to, WeightFormat format, ModelLoader.Progress progress) {
    ModelDirectory source = ModelDirectory.open(from);
    ModelTensors tensors = ModelTensors.of(ModelConfig.read(source.file(ModelConfig.FILE)));
    try (Checkpoint checkpoint = Checkpoint.open(source)) {
      if (checkpoint.quantization().isPresent()) {
        throw new InvalidModelException(
            source.path() + " is quantised already; quantise the directory it was made from");
      }
      tensors.verify(checkpoint);
      return new ModelQuantizer(source, checkpoint, tensors, format, progress).into(to);
    }
  }

  private QuantizationManifest into(Path to) {
    Path target = to.toAbsolutePath().normalize();
    Path parent = target.getParent();
    if (Files.exists(target) || parent == null) {
      throw new IllegalArgumentException(to + " exists, expected the name of a new directory");
    }
    List<Declaration> declarations = declarations();
    Path growing = parent.resolve("." + target.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      checkRoom(parent, declarations);
      Files.createDirectory(growing);
      try {
        Map<String, FileChecksum> sums = sourceChecksums();
        write(growing.resolve(Checkpoint.SINGLE_FILE), declarations);
        copySmallFiles(growing);
        QuantizationManifest manifest =
            new QuantizationManifest(format.label(), quantized, sums, checksums(growing));
        manifest.write(growing);
        Files.move(growing, target, StandardCopyOption.ATOMIC_MOVE);
        return manifest;
      } finally {
        delete(growing);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + to, e);
    }
  }

  private List<Declaration> declarations() {
    List<Declaration> declarations = new ArrayList<>();
    for (Expected tensor : tensors.tensors()) {
      TensorInfo info = checkpoint.tensor(tensor.name());
      DType kept = tensor.isMatrix() ? format.kept(tensor, info.type()) : DType.F32;
      if (!kept.isQuantized()) {
        declarations.add(new Declaration(tensor.name(), info.type(), info.shape()));
        continue;
      }
      long rows = info.shape()[0];
      long cols = info.shape()[1];
      boolean bytes = kept == DType.INT8;
      quantized.put(tensor.name(), bytes ? StorageType.INT8 : StorageType.INT4);
      declarations.add(
          new Declaration(
              tensor.name() + QuantizationManifest.CODES,
              bytes ? StorageType.I8 : StorageType.U8,
              rows,
              kept.codeBytes(cols)));
      declarations.add(
          new Declaration(
              tensor.name() + QuantizationManifest.SCALES,
              StorageType.F16,
              rows,
              cols / DType.GROUP));
    }
    if (quantized.isEmpty()) {
      throw new IllegalArgumentException(
          "%s leaves every tensor of %s as it is".formatted(format.label(), source.path()));
    }
    return declarations;
  }

  private void checkRoom(Path parent, List<Declaration> declarations) throws IOException {
    long needed = declarations.stream().mapToLong(Declaration::bytes).sum();
    // reading the source twice (once for its checksum), writing, reading what was written
    bytesTotal = 2 * checkpoint.totalBytes() + 2 * needed;
    long free = Files.getFileStore(parent).getUsableSpace();
    if (free < needed + SPARE_BYTES) {
      throw new IOException(
          "%,d bytes are needed and %,d are free in %s"
              .formatted(needed + SPARE_BYTES, free, parent));
    }
  }

  private Map<String, FileChecksum> sourceChecksums() {
    Map<String, FileChecksum> sums = new TreeMap<>();
    for (Path file : checkpoint.files()) {
      sums.put(String.valueOf(file.getFileName()), FileChecksum.of(file, this::advance));
    }
    return sums;
  }

  private void write(Path file, List<Declaration> declarations) {
    try (SafeTensorsWriter writer =
        SafeTensorsWriter.create(file, declarations, Map.of("format", "pt"))) {
      for (Expected tensor : tensors.tensors()) {
        StorageType type = quantized.get(tensor.name());
        if (type == null) {
          copy(checkpoint.tensor(tensor.name()), writer);
        } else {
          writeQuantized(tensor.name(), WeightFormat.storedAs(type), writer);
        }
      }
      writer.commit();
    }
  }

  private void copy(TensorInfo info, SafeTensorsWriter writer) {
    ByteBuffer staging = staging(info.bytes());
    for (long at = 0; at < info.bytes(); at += staging.capacity()) {
      staging.clear().limit((int) Math.min(staging.capacity(), info.bytes() - at));
      checkpoint.read(info, at, staging);
      writer.write(info.name(), staging.flip());
      advance(2L * staging.limit());
    }
  }

  /** All codes, then all scales; the scales of one matrix are held until then. */
  private void writeQuantized(String name, DType dtype, SafeTensorsWriter writer) {
    TensorInfo info = checkpoint.tensor(name);
    DType stored = WeightFormat.storedAs(info.type());
    int rows = Math.toIntExact(info.shape()[0]);
    int cols = Math.toIntExact(info.shape()[1]);
    int rowBytes = Math.multiplyExact(cols, stored.bytes());
    int rowsAtOnce = Math.max(1, Math.min(rows, STAGING_BYTES / rowBytes));
    ByteBuffer staging = staging((long) rowsAtOnce * rowBytes);
    Quantizer.Rows quantizedRows = Quantizer.Rows.allocate(dtype, rowsAtOnce, cols);
    ByteBuffer scales = ByteBuffer.allocate(Math.toIntExact(DType.scaleBytes((long) rows * cols)));
    for (int row = 0; row < rows; row += rowsAtOnce) {
      int n = Math.min(rowsAtOnce, rows - row);
      staging.clear().limit(n * rowBytes);
      checkpoint.read(info, (long) row * rowBytes, staging);
      try {
        Quantizer.quantize(staging.flip(), stored, cols, dtype, quantizedRows);
      } catch (IllegalArgumentException e) {
        throw new InvalidModelException(
            "%s: tensor %s, rows from %d on: %s"
                .formatted(source.path(), name, row, e.getMessage()),
            e);
      }
      ByteBuffer codes = quantizedRows.codes().slice(0, (int) dtype.codeBytes((long) n * cols));
      writer.write(name + QuantizationManifest.CODES, codes);
      scales.put(quantizedRows.scales().slice(0, (int) DType.scaleBytes((long) n * cols)));
      advance((long) n * rowBytes + codes.limit());
    }
    writer.write(name + QuantizationManifest.SCALES, scales.flip());
    advance(scales.limit());
  }

  private static ByteBuffer staging(long bytes) {
    return ByteBuffer.allocateDirect((int) Math.min(STAGING_BYTES, bytes))
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Configuration, tokenizer and whatever else is small and not weights. */
  private void copySmallFiles(Path to) throws IOException {
    try (Stream<Path> files = Files.list(source.path())) {
      for (Path file : files.sorted().toList()) {
        String name = String.valueOf(file.getFileName());
        boolean isText = name.endsWith(".json") || name.endsWith(".txt") || name.endsWith(".jinja");
        if (isText && !name.endsWith(".safetensors.index.json")) {
          Files.copy(source.file(name).toRealPath(), to.resolve(name));
        }
      }
    }
  }

  private Map<String, FileChecksum> checksums(Path directory) throws IOException {
    Map<String, FileChecksum> sums = new TreeMap<>();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        sums.put(String.valueOf(file.getFileName()), FileChecksum.of(file, this::advance));
      }
    }
    return sums;
  }

  private void advance(long bytes) {
    bytesDone += bytes;
    progress.update(Math.min(bytesDone, bytesTotal), bytesTotal);
  }

  private static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return; // it has its final name
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
