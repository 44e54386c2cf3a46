package io.sambay4j.weights;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The weights of a model: {@code model.safetensors} of its directory, or the shards that {@code
 * model.safetensors.index.json} names, or a GGUF file. Index and shards must agree exactly. Data is
 * read by position, from any thread.
 */
public final class Checkpoint implements AutoCloseable {
  /** The file of a checkpoint that is not sharded. */
  public static final String SINGLE_FILE = "model.safetensors";

  /** The file that says which shard holds which tensor. */
  public static final String INDEX_FILE = ShardIndex.FILE;

  private static final Logger LOG = LoggerFactory.getLogger(Checkpoint.class);
  private static final int SCAN_ELEMENTS = 1 << 18; // whole blocks of any type

  private final Path directory;
  private final List<TensorFile> files;
  private final Map<String, TensorFile> fileOfTensor = new LinkedHashMap<>();
  private QuantizedTensors quantized = new QuantizedTensors();
  private @Nullable QuantizationManifest quantization;

  private Checkpoint(Path directory, List<TensorFile> files) {
    this.directory = directory;
    this.files = files;
    for (TensorFile file : files) {
      for (String name : file.tensors().keySet()) {
        TensorFile other = fileOfTensor.putIfAbsent(name, file);
        if (other != null) {
          throw new InvalidModelException(
              "tensor " + Quote.of(name) + " is in both " + other.file() + " and " + file.file());
        }
      }
    }
  }

  /**
   * The shards that an index names, in order; none of them is opened.
   *
   * @throws InvalidModelException if the index is missing or malformed
   */
  public static Set<String> shardNames(Path index) {
    return new TreeSet<>(ShardIndex.read(index).shardOf().values());
  }

  /** As {@link #open(ModelDirectory)}. */
  public static Checkpoint open(Path directory) {
    return open(ModelDirectory.open(directory));
  }

  /**
   * Opens the weights of a directory and checks every header.
   *
   * @throws InvalidModelException if a file is missing, malformed, outside the directory or at odds
   *     with the index
   */
  public static Checkpoint open(ModelDirectory directory) {
    Checkpoint checkpoint = openStored(directory);
    try {
      directory
          .find(QuantizationManifest.FILE)
          .ifPresentOrElse(checkpoint::joinQuantized, checkpoint::checkNotQuantized);
      return checkpoint;
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  private void checkNotQuantized() {
    for (String name : fileOfTensor.keySet()) {
      if (name.endsWith(QuantizationManifest.CODES)) {
        String tensor = name.substring(0, name.length() - QuantizationManifest.CODES.length());
        if (fileOfTensor.containsKey(tensor + QuantizationManifest.SCALES)) {
          throw new InvalidModelException(
              "%s: tensor %s is quantised, but %s, which says how, is missing"
                  .formatted(directory, Quote.of(tensor), QuantizationManifest.FILE));
        }
      }
    }
  }

  /** Joins codes and scales to the tensors that the manifest of a quantised directory names. */
  private void joinQuantized(Path file) {
    QuantizationManifest manifest = QuantizationManifest.read(file);
    for (TensorFile weights : files) {
      String name = String.valueOf(weights.file().getFileName());
      FileChecksum written = manifest.files().get(name);
      long bytes = weights.file().toFile().length();
      if (written == null || written.bytes() != bytes) {
        throw new InvalidModelException(
            "%s: %s has %d bytes, expected %s: it is not the file that was written with this manifest"
                .formatted(file, name, bytes, written == null ? "no such file" : written.bytes()));
      }
    }
    quantized = new QuantizedTensors(file, manifest.tensors(), name -> fileOf(name).tensor(name));
    quantization = manifest;
  }

  /** What a quantised directory says of itself; empty for any other. */
  public Optional<QuantizationManifest> quantization() {
    return Optional.ofNullable(quantization);
  }

  private static Checkpoint openStored(ModelDirectory directory) {
    Optional<Path> single = directory.find(SINGLE_FILE);
    Optional<Path> index = directory.find(ShardIndex.FILE);
    if (single.isPresent()) {
      if (index.isPresent()) {
        LOG.warn(
            "{} has both {} and {}; the index is not used",
            directory.path(),
            SINGLE_FILE,
            ShardIndex.FILE);
      }
      return open(directory, List.of(single.get()));
    }
    if (index.isEmpty()) {
      throw new InvalidModelException(
          directory.path()
              + ": no weights found, expected "
              + SINGLE_FILE
              + ", or "
              + ShardIndex.FILE
              + " with its shards (other weight formats are not read)");
    }
    ShardIndex shards = ShardIndex.read(index.get());
    Checkpoint checkpoint = open(directory, shards.files(directory));
    try {
      shards.check(checkpoint.fileNames(), checkpoint.totalBytes());
    } catch (InvalidModelException e) {
      checkpoint.close();
      throw e;
    }
    return checkpoint;
  }

  /**
   * The weights of a GGUF file, which the checkpoint takes over and closes.
   *
   * @param file its tensors under the names that the model gives them
   */
  public static Checkpoint of(Gguf file) {
    return new Checkpoint(file.file(), List.of(file));
  }

  private static Checkpoint open(ModelDirectory directory, List<Path> paths) {
    List<TensorFile> files = new ArrayList<>();
    try {
      for (Path path : paths) {
        files.add(SafeTensors.open(path));
      }
      return new Checkpoint(directory.path(), List.copyOf(files));
    } catch (RuntimeException e) {
      files.forEach(TensorFile::close);
      throw e;
    }
  }

  /** The directory, links resolved; or the GGUF file. */
  public Path directory() {
    return directory;
  }

  /** The files that hold the tensors. */
  public List<Path> files() {
    return files.stream().map(TensorFile::file).toList();
  }

  /** Names of all tensors, in the order of the files and of their data. */
  public Set<String> names() {
    return new LinkedHashSet<>(quantized.names(fileOfTensor.keySet()));
  }

  /**
   * A tensor by name.
   *
   * @throws InvalidModelException if the checkpoint has none of that name
   */
  public TensorInfo tensor(String name) {
    return quantized.contains(name) ? quantized.tensor(name) : fileOf(name).tensor(name);
  }

  /** Whether each tensor may have a type of its own, as in GGUF files. */
  public boolean mixesTypes() {
    return files.stream().anyMatch(Gguf.class::isInstance);
  }

  /**
   * Fills the remaining bytes of {@code into} with stored little-endian bytes of a tensor.
   *
   * @param byteOffset first byte, counted from the start of the tensor
   * @throws InvalidModelException if the file ends early: it was shortened since it was opened
   * @throws IllegalStateException after {@link #close}
   */
  public void read(TensorInfo tensor, long byteOffset, ByteBuffer into) {
    fileOf(tensor.name()).read(tensor, byteOffset, into);
  }

  /**
   * Fills both buffers from their start with rows of a tensor in INT8, INT4, Q8_0 or Q4_0, as
   * {@code Weight.setQuantizedRows} takes them, and sets their limits.
   *
   * @throws InvalidModelException if the tensor has a code that the format has not
   */
  public void readQuantized(
      TensorInfo tensor, long firstRow, int rows, ByteBuffer codes, ByteBuffer scales) {
    if (fileOfTensor.get(tensor.name()) instanceof Gguf gguf) {
      gguf.readQuantized(tensor, firstRow, rows, codes, scales);
    } else {
      quantized.read(tensor.name(), firstRow, rows, codes, scales, this::read);
    }
  }

  /** All elements of a tensor of a weight type, as floats. */
  public float[] readFloats(TensorInfo tensor) {
    if (tensor.elements() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(tensor + " is too large for one array, read it in parts");
    }
    float[] values = new float[(int) tensor.elements()];
    readFloats(tensor, 0, values, 0, values.length);
    return values;
  }

  /** Some elements of a tensor of a weight type, as floats; of block types whole blocks. */
  public void readFloats(TensorInfo tensor, long firstElement, float[] into, int start, int count) {
    if (quantized.contains(tensor.name())) {
      quantized.readFloats(tensor.name(), firstElement, into, start, count, this::read);
      return;
    }
    fileOf(tensor.name()).readFloats(tensor, firstElement, into, start, count);
  }

  /** Bytes of all tensors together, headers not counted. */
  public long totalBytes() {
    return files.stream()
        .flatMap(f -> f.tensors().values().stream())
        .mapToLong(TensorInfo::bytes)
        .sum();
  }

  /** Elements of all tensors together. */
  public long totalElements() {
    return names().stream().map(this::tensor).mapToLong(TensorInfo::elements).sum();
  }

  /** Bytes by storage type, in the order of {@link StorageType}. */
  public Map<StorageType, Long> bytesByType() {
    return names().stream()
        .map(this::tensor)
        .collect(
            Collectors.groupingBy(
                TensorInfo::type,
                () -> new EnumMap<>(StorageType.class),
                Collectors.summingLong(TensorInfo::bytes)));
  }

  /** One line: files, tensors, elements and bytes by type. */
  public String describe() {
    String types =
        bytesByType().entrySet().stream()
            .map(e -> String.format("%,d bytes %s", e.getValue(), e.getKey().label()))
            .collect(Collectors.joining(", "));
    return String.format(
        "%d file%s, %d tensors, %,d elements: %s",
        files.size(), files.size() == 1 ? "" : "s", names().size(), totalElements(), types);
  }

  /**
   * A tensor that holds numbers no weight may be.
   *
   * @param index of the first one, row-major
   * @param value NaN or an infinity
   * @param count how many there are in the tensor
   */
  public record NonFinite(String tensor, long index, float value, long count) {
    @Override
    public String toString() {
      return "tensor "
          + Quote.of(tensor)
          + " has "
          + count
          + " values that are not finite, the first is "
          + value
          + " at index "
          + index;
    }
  }

  /**
   * Reads all weights once and reports those with NaN or infinite elements, one entry a tensor.
   *
   * @param progress told the bytes read so far, out of {@link #totalBytes()}
   */
  public List<NonFinite> findNonFinite(LongConsumer progress) {
    List<NonFinite> found = new ArrayList<>();
    float[] buffer = new float[SCAN_ELEMENTS];
    long bytes = 0;
    for (String name : names()) {
      TensorInfo tensor = tensor(name);
      if (tensor.type().isWeightType()) {
        long first = -1;
        float value = 0;
        long count = 0;
        for (long at = 0; at < tensor.elements(); at += SCAN_ELEMENTS) {
          int n = (int) Math.min(SCAN_ELEMENTS, tensor.elements() - at);
          readFloats(tensor, at, buffer, 0, n);
          for (int i = 0; i < n; i++) {
            if (!Float.isFinite(buffer[i]) && count++ == 0) {
              first = at + i;
              value = buffer[i];
            }
          }
          progress.accept(bytes + tensor.type().bytes(at + n));
        }
        if (count > 0) {
          found.add(new NonFinite(name, first, value, count));
        }
      }
      bytes += tensor.bytes();
      progress.accept(bytes);
    }
    return found;
  }

  /**
   * Closes all files; later reads are {@link IllegalStateException}s. Closing again changes
   * nothing.
   */
  @Override
  public void close() {
    files.forEach(TensorFile::close);
  }

  private Map<String, String> fileNames() {
    Map<String, String> names = new TreeMap<>();
    fileOfTensor.forEach(
        (tensor, file) -> names.put(tensor, String.valueOf(file.file().getFileName())));
    return names;
  }

  private TensorFile fileOf(String tensor) {
    TensorFile file = fileOfTensor.get(tensor);
    if (file == null) {
      throw new InvalidModelException(directory + ": tensor " + Quote.of(tensor) + " is missing");
    }
    return file;
  }
}
