package io.sambay4j.model;

import static io.sambay4j.weights.TestFiles.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import io.sambay4j.model.RopeConfig.LongRope;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.Gguf;
import io.sambay4j.weights.GgufWriter;
import io.sambay4j.weights.SafeTensorsWriter;
import io.sambay4j.weights.StorageType;
import io.sambay4j.weights.TensorInfo;
import io.sambay4j.weights.TestFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The dense golden as a GGUF file: the same model, or a refusal. */
final class GgufModelTest {
  private static final Path GOLDEN = TestFiles.golden("phi4mini-tiny");
  private static final ModelConfig CONFIG = ModelConfig.read(GOLDEN.resolve(ModelConfig.FILE));

  @TempDir Path dir;

  /** The weights of the golden by their names here. */
  private static Map<String, float[]> weights() {
    Map<String, float[]> weights = new LinkedHashMap<>();
    try (Checkpoint checkpoint = Checkpoint.open(GOLDEN)) {
      for (String name : checkpoint.names()) {
        weights.put(name, checkpoint.readFloats(checkpoint.tensor(name)));
      }
    }
    return weights;
  }

  /** Writes a model as a GGUF file, matrices as the given type, under names that may be changed. */
  private Path write(ModelConfig config, StorageType matrices, UnaryOperator<String> names) {
    Map<String, String> ggufNames = GgufModel.ggufNames(config);
    Map<String, float[]> weights = weights();
    List<GgufWriter.Declaration> declarations = new ArrayList<>();
    ModelTensors.of(config)
        .tensors()
        .forEach(
            tensor ->
                declarations.add(
                    new GgufWriter.Declaration(
                        names.apply(ggufNames.get(tensor.name())),
                        tensor.shape().length == 1 ? StorageType.F32 : matrices,
                        tensor.shape())));
    Map<String, float[]> factors = GgufModel.ropeFactors(config);
    factors.forEach(
        (name, values) ->
            declarations.add(
                new GgufWriter.Declaration(names.apply(name), StorageType.F32, values.length)));
    Path file = dir.resolve("dense-" + matrices + ".gguf");
    try (GgufWriter writer = GgufWriter.create(file, GgufModel.metadata(config), declarations)) {
      ModelTensors.of(config)
          .tensors()
          .forEach(
              tensor ->
                  writer.writeFloats(
                      names.apply(ggufNames.get(tensor.name())), weights.get(tensor.name())));
      factors.forEach((name, values) -> writer.writeFloats(names.apply(name), values));
      writer.commit();
    }
    return file;
  }

  private static ModelConfig configOf(Path file) {
    try (Gguf open = Gguf.open(file)) {
      return GgufModel.config(open);
    }
  }

  private static SambayModel load(ModelSource source, @Nullable DType weights) {
    return load(source, source.config(), weights);
  }

  private static SambayModel load(ModelSource source, ModelConfig config, @Nullable DType weights) {
    try (Checkpoint checkpoint = source.openCheckpoint()) {
      return ModelLoader.load(
          Backends.open("auto", null, 0),
          config,
          checkpoint,
          new LoadOptions(
              weights == null ? null : WeightFormat.all(weights), DType.F32, 128, 2, 64, 256),
          (done, total) -> assertTrue(done <= total, done + " of " + total));
    }
  }

  private static float[] logits(SambayModel model) {
    return TestModels.cold(model, TestModels.tokens(new Random(3), model, 40));
  }

  @Test
  void theConfigurationComesThrough() {
    ModelConfig read = configOf(write(CONFIG, StorageType.F32, name -> name));
    assertSameButRounded(CONFIG, read);
  }

  /** Everything the same, but for factors that went through 32 bits. */
  private static void assertSameButRounded(ModelConfig want, ModelConfig got) {
    LongRope wanted = want.rope().longRope();
    LongRope found = got.rope().longRope();
    assertEquals(wanted.originalPositions(), found.originalPositions());
    assertEquals(wanted.scale(), found.scale(), 1e-6);
    for (int i = 0; i < wanted.longFactors().size(); i++) {
      assertEquals(wanted.longFactors().get(i), found.longFactors().get(i), 1e-5);
      assertEquals(wanted.shortFactors().get(i), found.shortFactors().get(i), 1e-6);
    }
    assertEquals(want.rope().rotated(), got.rope().rotated());
    assertEquals(want.normEps(), got.normEps(), 1e-10);
    assertEquals(want.layers(), got.layers());
    assertEquals(
        List.of(
            want.vocabSize(),
            want.hiddenSize(),
            want.intermediateSize(),
            want.heads(),
            want.kvHeads(),
            want.headDim(),
            want.slidingWindow(),
            want.tiedEmbeddings(),
            want.maxPositions(),
            want.eosTokenIds()),
        List.of(
            got.vocabSize(),
            got.hiddenSize(),
            got.intermediateSize(),
            got.heads(),
            got.kvHeads(),
            got.headDim(),
            got.slidingWindow(),
            got.tiedEmbeddings(),
            got.maxPositions(),
            got.eosTokenIds()));
  }

  @Test
  void anotherWritersFileIsTheSameModel() {
    ModelConfig read = configOf(TestFiles.gguf().resolve("dense.gguf"));
    assertEquals(List.of(264), read.eosTokenIds());
    assertSameButRounded(
        ModelConfig.parse(
            ModelConfigTest.set(
                TestFiles.text(GOLDEN.resolve(ModelConfig.FILE)), "eos_token_id", "264")),
        read);
  }

  @Test
  void f32WeightsAreTheSameModel() {
    Path file = write(CONFIG, StorageType.F32, name -> name);
    try (SambayModel want = load(ModelSource.open(GOLDEN), null);
        SambayModel got = load(ModelSource.open(file), null)) {
      GoldenModel.assertClose("logits", logits(want), logits(got), 1e-5);
    }
  }

  /**
   * Blocks are the numbers that they stand for: bit for bit the model that has these. Kept as codes
   * they are multiplied with activations of 8 bits, which comes near.
   */
  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "BF16", "F16"})
  void otherTypesAreTheModelOfTheirNumbers(StorageType type) throws IOException {
    ModelSource source = ModelSource.open(write(CONFIG, type, name -> name));
    Path plain = dir.resolve("plain");
    try (Checkpoint checkpoint = source.openCheckpoint()) {
      Files.createDirectories(plain);
      Files.copy(GOLDEN.resolve(ModelConfig.FILE), plain.resolve(ModelConfig.FILE));
      List<SafeTensorsWriter.Declaration> declarations = new ArrayList<>();
      for (String name : checkpoint.names()) {
        TensorInfo tensor = checkpoint.tensor(name);
        declarations.add(new SafeTensorsWriter.Declaration(name, StorageType.F32, tensor.shape()));
      }
      try (SafeTensorsWriter writer =
          SafeTensorsWriter.create(plain.resolve(Checkpoint.SINGLE_FILE), declarations, Map.of())) {
        for (String name : checkpoint.names()) {
          writer.writeFloats(name, checkpoint.readFloats(checkpoint.tensor(name)));
        }
        writer.commit();
      }
    }
    DType kept = WeightFormat.storedAs(type);
    ModelSource numbers = ModelSource.open(plain);
    try (SambayModel want = load(numbers, source.config(), DType.F32);
        SambayModel exact = load(source, DType.F32);
        SambayModel byDefault = load(source, null)) {
      float[] numbersSay = logits(want);
      assertArrayEquals(numbersSay, logits(exact), "in f32");
      assertArrayEquals(rowsOfTheEmbedding(want), rowsOfTheEmbedding(byDefault), kept.toString());
      double off = distance(numbersSay, logits(byDefault));
      assertTrue(off <= (kept.isQuantized() ? 0.06 : 1e-5), "kept as " + kept + ": off by " + off);
    }
  }

  /** Relative L2. */
  private static double distance(float[] want, float[] got) {
    double error = 0;
    double norm = 0;
    for (int i = 0; i < want.length; i++) {
      error += Math.pow((double) got[i] - want[i], 2);
      norm += Math.pow(want[i], 2);
    }
    return Math.sqrt(error / norm);
  }

  /** What the residual stream begins with: rows of the embedding as they are. */
  private static float[] rowsOfTheEmbedding(SambayModel model) {
    int[] ids = TestModels.tokens(new Random(4), model, 30);
    float[] rows = new float[ids.length * model.config().hiddenSize()];
    try (SequenceState sequence = model.states().acquire()) {
      sequence.useRopeFactors(model.config().ropeFactors(ids.length));
      model.forward(
          List.of(new Chunk(sequence, ids, Chunk.Wanted.ALL)),
          (chunk, token, logits) -> {},
          new SambayModel.Tap() {
            @Override
            public void hidden(int index, Tensor h) {
              if (index == 0) {
                model.backend().download(h, rows, 0);
              }
            }
          });
    }
    return rows;
  }

  @Test
  void memoryIsCountedAsItIsKept() {
    ModelSource source = ModelSource.open(write(CONFIG, StorageType.Q4_0, name -> name));
    LoadOptions options = new LoadOptions(null, DType.F32, 128, 2, 64, 256);
    try (Checkpoint checkpoint = source.openCheckpoint()) {
      MemoryEstimate estimate =
          MemoryEstimate.of(source.config(), options, name -> checkpoint.tensor(name).type());
      long matrices =
          ModelTensors.of(CONFIG).tensors().stream()
              .filter(ModelTensors.Expected::isMatrix)
              .mapToLong(tensor -> StorageType.Q4_0.bytes(tensor.elements()))
              .sum();
      assertTrue(
          estimate.weights() > matrices && estimate.weights() < matrices * 1.3,
          "4.5 bits each, and tables: " + estimate);
    }
  }

  // ---- files that do not fit

  @Test
  void tensorsMissingOrOfAnotherName() {
    Path file =
        write(
            CONFIG,
            StorageType.F32,
            name -> name.equals("blk.2.ffn_down.weight") ? "blk.2.ffn_gate.weight" : name);
    ModelSource source = ModelSource.open(file);
    try (Checkpoint checkpoint = source.openCheckpoint()) {
      assertRefused(
          () -> ModelTensors.of(source.config()).verify(checkpoint),
          file.toString(),
          "model.layers.2.mlp.down_proj.weight is missing",
          "'blk.2.ffn_gate.weight' is surplus");
    }
  }

  @Test
  void oneOfTheTwoListsOfFactors() {
    Path file =
        write(
            CONFIG,
            StorageType.F32,
            name -> name.equals("rope_factors_short.weight") ? "rope_factors.weight" : name);
    assertRefused(
        () -> ModelSource.open(file),
        "rope_factors_short.weight is missing",
        "the other factors are there");
  }

  /** A header with settings of one's own and an embedding. */
  private Path settings(GgufWriter.Metadata metadata, String tensor, long... shape) {
    Path file = dir.resolve("settings.gguf");
    GgufWriter.Declaration declaration = new GgufWriter.Declaration(tensor, StorageType.F32, shape);
    try (GgufWriter writer = GgufWriter.create(file, metadata, List.of(declaration))) {
      writer.writeFloats(tensor, new float[(int) (declaration.bytes() / 4)]);
      writer.commit();
    }
    return file;
  }

  private static GgufWriter.Metadata sizes(int hidden, int heads, int kvHeads) {
    return new GgufWriter.Metadata()
        .put("general.architecture", "phi3")
        .put("phi3.embedding_length", hidden)
        .put("phi3.attention.head_count", heads)
        .put("phi3.attention.head_count_kv", kvHeads)
        .put("phi3.context_length", 64)
        .put("phi3.feed_forward_length", 8);
  }

  @Test
  void settingsThatContradictThemselves() {
    String embedding = "token_embd.weight";
    Path file = settings(new GgufWriter.Metadata().put("general.architecture", "llama"), "w", 1);
    assertRefused(
        () -> ModelSource.open(file),
        file.toString(),
        "'general.architecture' is 'llama', expected phi3");
    assertRefused(
        () -> ModelSource.open(settings(new GgufWriter.Metadata(), "w", 1)),
        "'general.architecture' is missing");
    assertRefused(
        () -> ModelSource.open(settings(sizes(64, 4, 2).put("phi3.block_count", 1), "w", 1)),
        "tensor 'token_embd.weight' is missing");
    assertRefused(
        () -> ModelSource.open(settings(sizes(64, 4, 2).put("phi3.block_count", 1), embedding, 9)),
        "expected a matrix");
    assertRefused(
        () -> ModelSource.open(settings(sizes(64, 4, 2), embedding, 3, 64)),
        "'phi3.block_count' is missing, expected an integer from 1 to 1024");
    assertRefused(
        () -> ModelSource.open(settings(sizes(64, 5, 1), embedding, 3, 64)),
        "'phi3.attention.head_count' is '5'");
    assertRefused(
        () ->
            ModelSource.open(
                settings(sizes(64, 4, 3).put("phi3.block_count", 1), embedding, 3, 64)),
        "num_key_value_heads is 3");
    assertRefused(
        () ->
            ModelSource.open(
                settings(
                    sizes(64, 4, 2).put("phi3.block_count", 1).put("phi3.rope.freq_base", "x"),
                    embedding,
                    3,
                    64)),
        "'phi3.rope.freq_base' is 'x', expected a number");
    assertRefused(
        () ->
            ModelSource.open(
                settings(
                    sizes(64, 4, 2).put("phi3.block_count", 1).put("phi3.rope.dimension_count", 17),
                    embedding,
                    3,
                    64)),
        "'phi3.rope.dimension_count' is '17'");
  }

  @Test
  void onlyDenseModelsHaveNamesThere() {
    ModelConfig flash =
        ModelConfig.read(TestFiles.golden("flash-tiny-f32").resolve(ModelConfig.FILE));
    assertThrows(IllegalArgumentException.class, () -> GgufModel.metadata(flash));
  }
}
