package io.sambay4j.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.GenerationRequest;
import io.sambay4j.TextModel;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelSource;
import io.sambay4j.model.ModelTensors;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.StorageType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class RandomCheckpointTest {
  private static final Path ROOT = Path.of(System.getProperty("sambay.root", ".."));
  private static final Path GOLDENS = ROOT.resolve("native/tests/goldens");

  @TempDir Path dir;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "flash-tiny-bf16",
        "variant-sambayda",
        "variant-gmu-norm",
        "variant-samba",
        "variant-mamba",
        "phi4mini-tiny"
      })
  void fitsItsConfigurationAndIsFinite(String golden) throws IOException {
    ModelConfig config = ModelConfig.read(GOLDENS.resolve(golden).resolve("config.json"));
    RandomCheckpoint generator = new RandomCheckpoint(config, 5);
    generator.write(dir, Long.MAX_VALUE, bytes -> {});
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      ModelTensors.of(config).verify(checkpoint);
      assertEquals(generator.bytes(), checkpoint.totalBytes());
      assertEquals(List.of(), checkpoint.findNonFinite(bytes -> {}));
    }
  }

  @Test
  void theLayoutOfLlamaHasAsManyWeights() throws IOException {
    ModelConfig config = ModelConfig.read(GOLDENS.resolve("phi4mini-tiny/config.json"));
    Path wide = Files.createDirectory(dir.resolve("config"));
    String settings = Files.readString(GOLDENS.resolve("phi4mini-tiny/config.json"));
    Files.writeString(
        wide.resolve("config.json"), // room for a vocabulary of bytes and control tokens
        settings.replaceAll("\"vocab_size\": *\\d+", "\"vocab_size\": 400"));
    Path out = dir.resolve("llama");
    RandomCheckpoint.main(
        new String[] {out.toString(), "--config", wide.toString(), "--layout", "llama"});
    long vocabulary = 400 - config.vocabSize();
    try (Checkpoint checkpoint = Checkpoint.open(out)) {
      assertEquals(
          ModelTensors.of(config).parameters() + vocabulary * config.hiddenSize(),
          checkpoint.totalElements());
      String layer = "model.layers.0.";
      assertArrayEquals(
          new long[] {config.kvWidth(), config.hiddenSize()},
          checkpoint.tensor(layer + "self_attn.v_proj.weight").shape());
      assertArrayEquals(
          new long[] {config.intermediateSize(), config.hiddenSize()},
          checkpoint.tensor(layer + "mlp.up_proj.weight").shape());
    }
    assertTrue(Files.readString(out.resolve("config.json")).contains("LlamaForCausalLM"));
    assertTrue(Files.size(out.resolve("tokenizer.json")) > 2000);
  }

  @Test
  void valuesAreThoseOfAModelBeforeTraining() throws IOException {
    ModelConfig config = ModelConfig.read(GOLDENS.resolve("flash-w512-bf16/config.json"));
    new RandomCheckpoint(config, 1).write(dir, Long.MAX_VALUE, bytes -> {});
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      float[] embedding = floats(checkpoint, "model.embed_tokens.weight");
      assertEquals(0, mean(embedding), 0.001);
      assertEquals(0.02, deviation(embedding), 0.001);
      assertEquals(0.02, deviation(floats(checkpoint, "model.layers.0.mlp.fc1.weight")), 0.001);
      assertFalse(
          Arrays.equals(
              embedding, 0, 100, floats(checkpoint, "model.layers.0.mlp.fc1.weight"), 0, 100));
      float[] aLog = floats(checkpoint, "model.layers.0.attn.A_log");
      assertEquals(StorageType.F32, checkpoint.tensor("model.layers.0.attn.A_log").type());
      for (int i = 0; i < aLog.length; i++) {
        assertEquals((float) Math.log(1 + i % 16), aLog[i]);
      }
      for (float bias : floats(checkpoint, "model.layers.0.attn.dt_proj.bias")) {
        double dt = Math.log1p(Math.exp(bias));
        assertTrue(dt > 0.00099 && dt < 0.102, "softplus of dt_proj.bias is " + dt);
      }
      for (float one : floats(checkpoint, "model.layers.0.attn.D")) {
        assertEquals(1, one);
      }
      assertEquals(0, deviation(floats(checkpoint, "model.final_layernorm.bias")));
    }
  }

  /** A GGUF file has the weights of the directory, each as near as its type comes. */
  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16", "F32", "Q8_0", "Q4_0"})
  void sameSeedSameValuesInAGgufFile(StorageType type) throws IOException {
    ModelConfig config = ModelConfig.read(GOLDENS.resolve("phi4mini-tiny/config.json"));
    new RandomCheckpoint(config, 9).write(dir, Long.MAX_VALUE, bytes -> {});
    Path file = dir.resolve("random.gguf");
    RandomGguf generator = new RandomGguf(config, type, 9);
    long[] last = {0};
    generator.write(file, bytes -> last[0] = bytes);
    assertEquals(generator.bytes(), last[0]);
    ModelSource source = ModelSource.open(file);
    assertEquals(config.layers(), source.config().layers());
    try (Checkpoint want = Checkpoint.open(dir);
        Checkpoint got = source.openCheckpoint()) {
      ModelTensors.of(source.config()).verify(got);
      assertEquals(generator.bytes(), got.totalBytes());
      for (String name : want.names()) {
        float[] wanted = floats(want, name);
        float[] found = floats(got, name);
        double step = type == StorageType.Q4_0 ? 0.02 : type == StorageType.Q8_0 ? 6e-4 : 1e-5;
        for (int i = 0; i < wanted.length; i++) {
          assertEquals(wanted[i], found[i], step, name + " element " + i);
        }
      }
    }
    try (TextModel model = TextModel.open(file)) { // with the vocabulary that was made up
      assertEquals("hello, you", model.tokenizer().decode(model.tokenizer().encode("hello, you")));
      assertEquals(
          2,
          model
              .generate(GenerationRequest.user("you").maxTokens(2).ignoreEndTokens(true).build())
              .tokenIds()
              .length);
    }
  }

  @Test
  void onlyDenseModelsBecomeGgufFiles() {
    ModelConfig flash = ModelConfig.read(GOLDENS.resolve("flash-tiny-bf16/config.json"));
    assertThrows(IllegalArgumentException.class, () -> new RandomGguf(flash, StorageType.Q8_0, 1));
  }

  @Test
  void theVocabularyOfPhi4MiniHasItsControlTokens() {
    SyntheticVocabulary vocabulary = SyntheticVocabulary.of(200_064);
    assertEquals(200_064, vocabulary.tokens().size());
    assertEquals(200_064, Set.copyOf(vocabulary.tokens()).size(), "no token twice");
    assertEquals("<|end|>", vocabulary.tokens().get(200_020));
    assertEquals(3, vocabulary.kinds()[200_020]);
    assertThrows(IllegalArgumentException.class, () -> SyntheticVocabulary.of(260));
  }

  @Test
  void sameSeedSameValuesWhateverTheShards() throws IOException {
    ModelConfig config = ModelConfig.read(GOLDENS.resolve("flash-tiny-bf16/config.json"));
    Path whole = Files.createDirectory(dir.resolve("whole"));
    Path sharded = Files.createDirectory(dir.resolve("sharded"));
    Path other = Files.createDirectory(dir.resolve("other"));
    new RandomCheckpoint(config, 7).write(whole, Long.MAX_VALUE, bytes -> {});
    new RandomCheckpoint(config, 7).write(sharded, 200_000, bytes -> {});
    new RandomCheckpoint(config, 8).write(other, Long.MAX_VALUE, bytes -> {});
    try (Checkpoint a = Checkpoint.open(whole);
        Checkpoint b = Checkpoint.open(sharded);
        Checkpoint c = Checkpoint.open(other)) {
      ModelTensors.of(config).verify(b);
      for (String name : a.names()) {
        assertArrayEquals(floats(a, name), floats(b, name), name);
      }
      String name = "model.layers.0.mlp.fc1.weight";
      assertFalse(Arrays.equals(floats(a, name), floats(c, name)));
    }
    try (var files = Files.list(sharded)) {
      assertTrue(files.count() > 3, "shards and an index");
    }
  }

  @Test
  void commandLineCopiesTheSettings() throws IOException {
    Path box = ROOT.resolve("models/tiny-reasoner");
    Path out = dir.resolve("out");
    RandomCheckpoint.main(
        new String[] {
          out.toString(), "--config", box.toString(), "--seed", "3", "--shard-bytes", "2000000"
        });
    for (String name :
        List.of(
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")) {
      assertEquals(-1, Files.mismatch(box.resolve(name), out.resolve(name)), name);
    }
    try (Checkpoint checkpoint = Checkpoint.open(out)) {
      ModelTensors.of(ModelConfig.read(out.resolve("config.json"))).verify(checkpoint);
    }
  }

  private static float[] floats(Checkpoint checkpoint, String name) {
    return checkpoint.readFloats(checkpoint.tensor(name));
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  private static double deviation(float[] values) {
    double mean = mean(values);
    double sum = 0;
    for (float value : values) {
      sum += (value - mean) * (value - mean);
    }
    return Math.sqrt(sum / values.length);
  }
}
