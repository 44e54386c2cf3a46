package io.sambay4j.bench;

import io.sambay4j.model.GgufModel;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelTensors;
import io.sambay4j.weights.GgufWriter;
import io.sambay4j.weights.GgufWriter.Declaration;
import io.sambay4j.weights.HalfPrecision;
import io.sambay4j.weights.StorageType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Writes a GGUF file of random weights of a dense model: those of {@link RandomCheckpoint} with the
 * same seed, which are bf16, rounded to the type of the file. It carries a made-up vocabulary, so
 * that engines that insist on one open it.
 */
final class RandomGguf {
  private static final int CHUNK_ELEMENTS = 1 << 22; // whole blocks of any type

  private final ModelConfig config;
  private final StorageType matrices;
  private final long seed;
  private final Map<String, Declaration> declarations = new HashMap<>(); // by our names
  private final ModelTensors tensors;

  /**
   * A generator.
   *
   * @param matrices BF16, F16, F32, Q8_0 or Q4_0; vectors are F32
   * @param seed decides every value
   * @throws IllegalArgumentException if the model is no dense one, or its rows are no whole blocks
   */
  RandomGguf(ModelConfig config, StorageType matrices, long seed) {
    this.config = config;
    this.matrices = matrices;
    this.seed = seed;
    this.tensors = ModelTensors.of(config);
    Map<String, String> names = GgufModel.ggufNames(config);
    for (ModelTensors.Expected tensor : tensors.tensors()) {
      StorageType type = tensor.shape().length == 1 ? StorageType.F32 : matrices;
      String name = String.valueOf(names.get(tensor.name()));
      declarations.put(tensor.name(), new Declaration(name, type, tensor.shape()));
    }
  }

  /** Length of all tensors in bytes. */
  long bytes() {
    return declarations.values().stream().mapToLong(Declaration::bytes).sum();
  }

  /**
   * Writes the file.
   *
   * @param progress told the bytes written so far, out of {@link #bytes()}
   */
  void write(Path file, LongConsumer progress) {
    Map<String, float[]> factors = GgufModel.ropeFactors(config);
    List<Declaration> all = new ArrayList<>();
    factors.forEach(
        (name, values) -> all.add(new Declaration(name, StorageType.F32, values.length)));
    for (ModelTensors.Expected tensor : tensors.tensors()) {
      all.add(declaration(tensor));
    }
    GgufWriter.Metadata metadata = GgufModel.metadata(config).put("general.name", "random");
    SyntheticVocabulary.of(config.vocabSize()).putInto(metadata);
    try (GgufWriter writer = GgufWriter.create(file, metadata, all)) {
      factors.forEach(writer::writeFloats);
      long written = 0;
      for (ModelTensors.Expected tensor : tensors.tensors()) {
        written = write(writer, tensor, written, progress);
      }
      writer.commit();
    }
  }

  private Declaration declaration(ModelTensors.Expected tensor) {
    Declaration declaration = declarations.get(tensor.name());
    if (declaration == null) {
      throw new AssertionError(tensor.name());
    }
    return declaration;
  }

  private long write(
      GgufWriter writer, ModelTensors.Expected tensor, long written, LongConsumer progress) {
    Declaration declaration = declaration(tensor);
    RandomWeights weights = new RandomWeights(tensor, StorageType.BF16, seed);
    ByteBuffer chunk = ByteBuffer.allocate(2 * CHUNK_ELEMENTS).order(ByteOrder.LITTLE_ENDIAN);
    for (long at = 0; at < tensor.elements(); at += CHUNK_ELEMENTS) {
      int n = (int) Math.min(CHUNK_ELEMENTS, tensor.elements() - at);
      chunk.clear().limit(2 * n);
      weights.fill(chunk, at);
      if (declaration.type() == StorageType.BF16) {
        writer.write(declaration.name(), chunk);
      } else {
        writer.writeFloats(declaration.name(), floats(chunk, n));
      }
      progress.accept(written + declaration.type().bytes(at + n));
    }
    return written + declaration.bytes();
  }

  private static float[] floats(ByteBuffer bf16, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = HalfPrecision.fromBf16(bf16.getShort(2 * i));
    }
    return values;
  }

  @Override
  public String toString() {
    return "%,d parameters as %s".formatted(tensors.parameters(), matrices);
  }
}
