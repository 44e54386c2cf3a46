package io.sambay4j.model;

import static io.sambay4j.weights.TestFiles.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.FileChecksum;
import io.sambay4j.weights.Fuzz;
import io.sambay4j.weights.ModelDirectory;
import io.sambay4j.weights.QuantizationManifest;
import io.sambay4j.weights.StorageType;
import io.sambay4j.weights.TestFiles;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Quantised directories: what they hold, and everything that may be wrong with one. */
final class ModelQuantizerTest {
  private static final Path MODEL = TestModels.TINY_REASONER;
  private static final String TENSOR = "model.layers.1.mlp.fc1.weight";

  @TempDir private Path temporary;

  static Stream<WeightFormat> formats() {
    return Stream.of(
        WeightFormat.INT8,
        WeightFormat.INT4,
        WeightFormat.MIXED,
        WeightFormat.INT4.withEmbedding(DType.INT4),
        WeightFormat.INT4.withEmbedding(DType.F32));
  }

  @ParameterizedTest
  @MethodSource("formats")
  void loadsToTheBitsOfQuantisingOnLoad(WeightFormat format) {
    Path target = temporary.resolve("quantised");
    QuantizationManifest manifest = quantize(MODEL, target, format);
    // On load, a part that is not to be quantised would be converted: bf16 is what is stored.
    WeightFormat onLoad =
        format.embedding() == DType.F32 ? format.withEmbedding(DType.BF16) : format;
    assertArrayEquals(logits(MODEL, onLoad), logits(target, null));
    assertEquals(List.of(), manifest.differences(ModelDirectory.open(target), bytes -> {}));
    assertEquals(
        FileChecksum.of(MODEL.resolve(Checkpoint.SINGLE_FILE), bytes -> {}),
        manifest.source().get(Checkpoint.SINGLE_FILE));
  }

  @ParameterizedTest
  @MethodSource("io.sambay4j.model.GoldenModel#names")
  void everyShapeOfModel(String name) {
    Path target = temporary.resolve("quantised");
    Path source = TestModels.golden(name);
    QuantizationManifest manifest = quantize(source, target, WeightFormat.INT4);
    assertFalse(manifest.tensors().isEmpty());
    assertArrayEquals(logits(source, WeightFormat.INT4), logits(target, null));
  }

  @Test
  void whatSteersTheRecurrenceStaysFine() {
    Path target = temporary.resolve("quantised");
    quantize(MODEL, target, WeightFormat.INT4);
    try (Checkpoint checkpoint = Checkpoint.open(target)) {
      assertEquals(StorageType.INT4, checkpoint.tensor(TENSOR).type());
      assertEquals(StorageType.INT8, type(checkpoint, "model.layers.0.attn.x_proj.weight"));
      assertEquals(StorageType.INT8, type(checkpoint, "model.embed_tokens.weight"));
      // 8 columns are no whole group
      assertEquals(StorageType.BF16, type(checkpoint, "model.layers.0.attn.dt_proj.weight"));
      assertEquals(StorageType.F32, type(checkpoint, "model.layers.0.attn.A_log"));
      assertEquals(StorageType.BF16, type(checkpoint, "model.layers.0.attn.conv1d.weight"));
    }
  }

  private static StorageType type(Checkpoint checkpoint, String name) {
    return checkpoint.tensor(name).type();
  }

  @Test
  void elementsAreCodesTimesScales() {
    Path target = temporary.resolve("quantised");
    quantize(MODEL, target, WeightFormat.INT8);
    try (Checkpoint from = Checkpoint.open(MODEL);
        Checkpoint to = Checkpoint.open(target)) {
      float[] want = from.readFloats(from.tensor(TENSOR));
      float[] got = to.readFloats(to.tensor(TENSOR));
      for (int group = 0; group < want.length; group += DType.GROUP) {
        float largest = 0;
        for (int i = group; i < group + DType.GROUP; i++) {
          largest = Math.max(largest, Math.abs(want[i]));
        }
        for (int i = group; i < group + DType.GROUP; i++) {
          assertEquals(want[i], got[i], largest / 253, TENSOR + "[" + i + "]");
        }
      }
      assertEquals(List.of(), to.findNonFinite(bytes -> {}));
      assertEquals(from.totalElements(), to.totalElements());
    }
  }

  @Test
  void aQuantisedModelMayBeKeptInAnotherFormat() {
    Path target = temporary.resolve("quantised");
    quantize(MODEL, target, WeightFormat.INT8);
    float[] want = logits(target, null);
    float[] got = logits(target, WeightFormat.all(DType.F32)); // without rounding activations
    GoldenModel.assertClose("logits", want, got, 0.05);
  }

  @Test
  void nothingIsLeftOfWhatWasNotFinished() {
    Path target = temporary.resolve("quantised");
    for (long stopAt : new long[] {1, 3_000_000, 6_000_000, 8_500_000}) {
      IllegalStateException stopped =
          assertThrows(
              IllegalStateException.class,
              () ->
                  ModelQuantizer.quantize(
                      MODEL,
                      target,
                      WeightFormat.INT4,
                      (done, total) -> {
                        if (done >= stopAt) {
                          throw new IllegalStateException("stopped at " + done);
                        }
                      }));
      assertTrue(String.valueOf(stopped.getMessage()).startsWith("stopped at "));
      assertEquals(List.of(), list(temporary));
    }
  }

  @Test
  void whatIsThereIsNotTouched() throws IOException {
    Path target = Files.createDirectory(temporary.resolve("quantised"));
    assertThrows(IllegalArgumentException.class, () -> quantize(MODEL, target, WeightFormat.INT4));
    assertEquals(List.of(), list(target));
  }

  @Test
  void aQuantisedModelIsNotQuantisedAgain() {
    Path target = temporary.resolve("quantised");
    quantize(MODEL, target, WeightFormat.INT8);
    assertRefused(
        () -> quantize(target, temporary.resolve("again"), WeightFormat.INT4),
        "is quantised already");
  }

  @Test
  void numbersThatCannotBeQuantisedAreNamed() throws IOException {
    Path source = Files.createDirectory(temporary.resolve("source"));
    TestFiles.copy(MODEL, source);
    try (Checkpoint checkpoint = Checkpoint.open(source);
        RandomAccessFile file =
            new RandomAccessFile(source.resolve(Checkpoint.SINGLE_FILE).toFile(), "rw")) {
      file.seek(checkpoint.tensor(TENSOR).offset() + 2 * (5 * 128 + 77));
      file.writeShort(0xC07F); // little endian 0x7FC0: NaN in bf16
    }
    assertRefused(
        () -> quantize(source, temporary.resolve("target"), WeightFormat.INT4),
        TENSOR,
        "row 5, column 77 is");
    assertRefused(() -> logits(source, WeightFormat.INT4), TENSOR, "row 5, column 77 is");
    assertEquals(List.of("source"), list(temporary));
  }

  @Test
  void shortenedAndEditedFilesAreSeen() throws IOException {
    Path target = temporary.resolve("quantised");
    QuantizationManifest manifest = quantize(MODEL, target, WeightFormat.INT4);
    Path weights = target.resolve(Checkpoint.SINGLE_FILE);
    try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
      file.seek(file.length() - 1000);
      file.write(file.read() ^ 1);
    }
    Files.writeString(target.resolve("generation_config.json"), "{}");
    Files.delete(target.resolve("tokenizer_config.json"));
    String found =
        String.join("\n", manifest.differences(ModelDirectory.open(target), bytes -> {}));
    assertTrue(found.contains("model.safetensors was changed: its SHA-256 is "), found);
    assertTrue(found.contains("generation_config.json has 2 bytes, it was written with "), found);
    assertTrue(found.contains("tokenizer_config.json is missing"), found);

    try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
      file.setLength(file.length() - 1000);
    }
    assertRefused(() -> Checkpoint.open(target).close(), "model.safetensors");
  }

  @Test
  void manifestsAreCompared() throws IOException {
    Path target = temporary.resolve("quantised");
    quantize(MODEL, target, WeightFormat.INT4);
    Path manifest = target.resolve(QuantizationManifest.FILE);
    String text = Files.readString(manifest);
    refusedAs(
        target, text.replace("\"version\" : 1", "\"version\" : 2"), "version is 2", "version 1");
    refusedAs(
        target,
        text.replace("sambay4j-quantized", "gguf"),
        "format is '\"gguf\"'",
        "sambay4j-quantized");
    refusedAs(
        target,
        text.replace("\"" + TENSOR + "\" : \"int4\"", "\"" + TENSOR + "\" : \"int8\""),
        TENSOR,
        "its codes are U8 [768, 64]");
    refusedAs(
        target,
        text.replace("\"" + TENSOR + "\" : \"int4\"", "\"" + TENSOR + "\" : \"int3\""),
        "\"int8\" or \"int4\"");
    refusedAs(
        target, text.replace("\"" + TENSOR + "\"", "\"model.norm.bias\""), "model.norm.bias.codes");
    refusedAs(
        target, text.replaceFirst("\\s*\"" + TENSOR + "\" : \"int4\",", ""), TENSOR, "is missing");
    refusedAs(target, text.replace("\"sha256\" : \"", "\"sha256\" : \"x"), "64 hexadecimal digits");
    refusedAs(
        target, text.replaceAll("\"bytes\" : \\d+", "\"bytes\" : 17"), "model.safetensors has");
    Files.delete(manifest);
    assertRefused(() -> verify(target), " is quantised, but quantization.json");
  }

  private static void refusedAs(Path directory, String manifest, String... parts) {
    TestFiles.write(directory.resolve(QuantizationManifest.FILE), manifest);
    assertRefused(() -> verify(directory), parts);
  }

  private static void verify(Path directory) {
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      ModelTensors.of(ModelConfig.read(directory.resolve(ModelConfig.FILE))).verify(checkpoint);
    }
  }

  @Test
  void damagedManifestsAreRefusedOrHarmless() {
    Path target = temporary.resolve("quantised");
    quantize(MODEL, target, WeightFormat.MIXED);
    Path manifest = target.resolve(QuantizationManifest.FILE);
    byte[] valid = bytes(manifest);
    Fuzz.run(
        valid,
        300,
        8 << 20,
        damaged -> {
          write(manifest, damaged);
          verify(target);
        });
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(Path file, byte[] bytes) {
    try {
      Files.deleteIfExists(file);
      Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static QuantizationManifest quantize(Path from, Path to, WeightFormat format) {
    return ModelQuantizer.quantize(from, to, format, (done, total) -> {});
  }

  private static List<String> list(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The logits after a few tokens. */
  private static float[] logits(Path directory, @Nullable WeightFormat weights) {
    ModelConfig config = ModelConfig.read(directory.resolve(ModelConfig.FILE));
    LoadOptions options = new LoadOptions(weights, DType.F32, 64, 1, 16, 64);
    try (Checkpoint checkpoint = Checkpoint.open(directory);
        SambayModel model =
            ModelLoader.load(
                Backends.open("auto", null, 0), config, checkpoint, options, (done, total) -> {})) {
      return TestModels.cold(model, 3, 1, 4, 1, 5, 9, 2, 6);
    }
  }
}
