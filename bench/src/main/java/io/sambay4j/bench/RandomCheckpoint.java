package io.sambay4j.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.InvalidModelException;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelTensors;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.Gguf;
import io.sambay4j.weights.ModelDirectory;
import io.sambay4j.weights.SafeTensorsWriter;
import io.sambay4j.weights.SafeTensorsWriter.Declaration;
import io.sambay4j.weights.StorageType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/**
 * Writes a checkpoint of random weights in the published layout: any configuration, real size, same
 * bytes for the same seed. For measuring load time, memory and speed where the real weights are not
 * at hand; the text is noise.
 *
 * <pre>
 * RandomCheckpoint OUT [--shape NAME | --config DIR] [--tokenizer DIR] [--seed N] [--shard-bytes N]
 * RandomCheckpoint OUT --shape phi4-mini --layout llama [--seed N] [--shard-bytes N]
 * RandomCheckpoint OUT.gguf --shape phi4-mini [--type TYPE] [--seed N]
 * </pre>
 *
 * {@code --shape} is {@code flash} (default; 3.85 B parameters, 7.7 GB) or {@code phi4-mini} (3.84
 * B, 7.7 GB), as published; their settings are taken from the repository that is the working
 * directory. {@code --config} is a directory with another {@code config.json}; its other settings
 * are copied too. {@code --tokenizer} is a directory whose tokenizer files are copied as well.
 * {@code --layout llama} writes a dense model of these sizes as a Llama, with a made-up vocabulary,
 * for other engines. A name that ends in {@code .gguf} makes a GGUF file of a dense model, matrices
 * as {@code --type}: {@code bf16} (default), {@code f16}, {@code f32}, {@code q8_0} or {@code
 * q4_0}; with the same seed they are the same weights, rounded.
 */
public final class RandomCheckpoint {
  private static final Path RESOURCES = Path.of("java", "engine", "src", "test", "resources");
  private static final Map<String, Path> SHAPES =
      Map.of(
          "flash", RESOURCES.resolve("phi-4-mini-flash-reasoning"),
          "phi4-mini", RESOURCES.resolve("phi-4-mini-instruct"));
  private static final List<String> SETTINGS = List.of(ModelConfig.FILE, "generation_config.json");
  private static final List<String> TOKENIZER =
      List.of(
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja");
  private static final int CHUNK_BYTES = 32 << 20;

  private final List<ModelTensors.Expected> tensors;
  private final long seed;

  /**
   * A generator.
   *
   * @param seed decides every value
   */
  public RandomCheckpoint(ModelConfig config, long seed) {
    this(ModelTensors.of(config).tensors(), seed);
  }

  private RandomCheckpoint(List<ModelTensors.Expected> tensors, long seed) {
    this.tensors = tensors;
    this.seed = seed;
  }

  /**
   * Runs from the command line; exits with 1 and a sentence on failure, with 2 if the arguments
   * make no sense.
   */
  public static void main(String[] args) {
    try {
      run(args);
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.err.println(
          "usage: RandomCheckpoint OUT[.gguf] [--shape flash|phi4-mini | --config DIR] [--type TYPE] [--layout llama] [--tokenizer DIR] [--seed N] [--shard-bytes N]");
      System.exit(2);
    } catch (IOException | InvalidModelException e) {
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }

  private static void run(String[] args) throws IOException {
    if (args.length % 2 == 0) {
      throw new IllegalArgumentException(
          "expected one output directory and options with a value each");
    }
    Path out = Path.of(args[0]);
    ModelDirectory config = null;
    ModelDirectory tokenizer = null;
    long seed = 0;
    long shardBytes = 5_000_000_000L;
    StorageType type = StorageType.BF16;
    boolean llama = false;
    for (int i = 1; i < args.length; i += 2) {
      String value = args[i + 1];
      switch (args[i]) {
        case "--shape" -> config = shape(value);
        case "--type" -> type = type(value);
        case "--layout" -> llama = isLlama(value);
        case "--config" -> config = ModelDirectory.open(Path.of(value));
        case "--tokenizer" -> tokenizer = ModelDirectory.open(Path.of(value));
        case "--seed" -> seed = Long.parseLong(value);
        case "--shard-bytes" -> shardBytes = Long.parseLong(value);
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
    config = config == null ? shape("flash") : config;
    ModelConfig sizes = ModelConfig.read(config.file(ModelConfig.FILE));
    if (out.toString().endsWith(Gguf.SUFFIX)) {
      writeGguf(out, new RandomGguf(sizes, type, seed));
      return;
    }
    if (type != StorageType.BF16) {
      throw new IllegalArgumentException("--type is for GGUF files; directories are bf16");
    }
    Files.createDirectories(out);
    if (llama) {
      RandomLlama layout = new RandomLlama(sizes);
      layout.writeSettings(out);
      new RandomCheckpoint(layout.tensors(), seed).writeTo(out, shardBytes);
      return;
    }
    copy(SETTINGS, config, out);
    copy(TOKENIZER, config, out);
    if (tokenizer != null) {
      copy(TOKENIZER, tokenizer, out);
    }
    new RandomCheckpoint(sizes, seed).writeTo(out, shardBytes);
  }

  private void writeTo(Path out, long shardBytes) throws IOException {
    long start = System.nanoTime();
    write(out, shardBytes, progress(bytes()));
    System.err.printf(
        "%s: %,d parameters, %.1f s%n",
        out,
        tensors.stream().mapToLong(ModelTensors.Expected::elements).sum(),
        (System.nanoTime() - start) / 1e9);
  }

  private static boolean isLlama(String layout) {
    if (!layout.equals("llama")) {
      throw new IllegalArgumentException("--layout must be llama but was " + layout);
    }
    return true;
  }

  private static void writeGguf(Path file, RandomGguf generator) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null) {
      Files.createDirectories(folder);
    }
    long start = System.nanoTime();
    generator.write(file, progress(generator.bytes()));
    System.err.printf("%s: %s, %.1f s%n", file, generator, (System.nanoTime() - start) / 1e9);
  }

  private static LongConsumer progress(long total) {
    long[] shown = {0};
    return bytes -> {
      if (bytes - shown[0] >= 500_000_000) {
        shown[0] = bytes;
        System.err.printf("%5.1f of %.1f GB%n", bytes / 1e9, total / 1e9);
      }
    };
  }

  private static ModelDirectory shape(String name) {
    Path directory = SHAPES.get(name);
    if (directory == null) {
      throw new IllegalArgumentException("--shape must be flash or phi4-mini but was " + name);
    }
    return ModelDirectory.open(directory);
  }

  private static StorageType type(String name) {
    return Stream.of(
            StorageType.BF16, StorageType.F16, StorageType.F32, StorageType.Q8_0, StorageType.Q4_0)
        .filter(type -> type.label().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "--type must be bf16, f16, f32, q8_0 or q4_0 but was " + name));
  }

  private static void copy(List<String> names, ModelDirectory from, Path to) throws IOException {
    for (String name : names) {
      Path file = from.find(name).orElse(null);
      if (file != null) {
        Files.copy(file, to.resolve(name), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  /** Length of all tensors in bytes. */
  public long bytes() {
    return tensors.stream().mapToLong(t -> declaration(t).bytes()).sum();
  }

  /**
   * Writes the weights: one file, or shards with an index where they do not fit in one.
   *
   * @param shardBytes most bytes of tensors in one file; a larger tensor gets a file of its own
   * @param progress told the bytes written so far, out of {@link #bytes()}
   */
  public void write(Path directory, long shardBytes, LongConsumer progress) throws IOException {
    List<List<ModelTensors.Expected>> shards = shards(shardBytes);
    Map<String, String> shardOf = new TreeMap<>();
    long written = 0;
    for (int i = 0; i < shards.size(); i++) {
      String name =
          shards.size() == 1
              ? Checkpoint.SINGLE_FILE
              : String.format("model-%05d-of-%05d.safetensors", i + 1, shards.size());
      written = writeShard(directory.resolve(name), shards.get(i), written, progress);
      shards.get(i).forEach(tensor -> shardOf.put(tensor.name(), name));
    }
    if (shards.size() > 1) {
      ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
      ObjectNode index = json.createObjectNode();
      index.putObject("metadata").put("total_size", bytes());
      ObjectNode weightMap = index.putObject("weight_map");
      shardOf.forEach(weightMap::put);
      json.writeValue(directory.resolve("model.safetensors.index.json").toFile(), index);
    }
  }

  private long writeShard(
      Path file, List<ModelTensors.Expected> shard, long written, LongConsumer progress) {
    List<Declaration> declarations = shard.stream().map(RandomCheckpoint::declaration).toList();
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES);
    try (SafeTensorsWriter writer =
        SafeTensorsWriter.create(file, declarations, Map.of("format", "pt"))) {
      for (int i = 0; i < shard.size(); i++) {
        Declaration declaration = declarations.get(i);
        RandomWeights weights = new RandomWeights(shard.get(i), declaration.type(), seed);
        for (long at = 0; at < declaration.bytes(); at += CHUNK_BYTES) {
          chunk.clear().limit((int) Math.min(CHUNK_BYTES, declaration.bytes() - at));
          weights.fill(chunk, at / declaration.type().bytes());
          writer.write(declaration.name(), chunk);
          progress.accept(written + at + chunk.limit());
        }
        written += declaration.bytes();
      }
      writer.commit();
    }
    return written;
  }

  private List<List<ModelTensors.Expected>> shards(long shardBytes) {
    List<List<ModelTensors.Expected>> shards = new ArrayList<>();
    long room = 0;
    for (ModelTensors.Expected tensor : tensors) {
      long bytes = declaration(tensor).bytes();
      if (shards.isEmpty() || bytes > room) {
        shards.add(new ArrayList<>());
        room = shardBytes;
      }
      shards.get(shards.size() - 1).add(tensor);
      room -= bytes;
    }
    return shards;
  }

  private static Declaration declaration(ModelTensors.Expected tensor) {
    return new Declaration(
        tensor.name(),
        tensor.publishedInF32() ? StorageType.F32 : StorageType.BF16,
        tensor.shape());
  }
}
