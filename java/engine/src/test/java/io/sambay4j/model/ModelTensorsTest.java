package io.sambay4j.model;

import static io.sambay4j.weights.TestFiles.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.SafeTensorsWriter;
import io.sambay4j.weights.SafeTensorsWriter.Declaration;
import io.sambay4j.weights.StorageType;
import io.sambay4j.weights.TestFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelTensorsTest {
  @TempDir Path dir;

  @Test
  void everyTensorOfTheRealIndexIsAccountedFor() throws IOException {
    ModelTensors tensors =
        ModelTensors.of(ModelConfig.read(TestFiles.realModel().resolve("config.json")));
    var index =
        new ObjectMapper()
            .readTree(TestFiles.realModel().resolve("model.safetensors.index.json").toFile());
    var indexed = new TreeSet<String>();
    index.get("weight_map").fieldNames().forEachRemaining(indexed::add);
    assertEquals(434, indexed.size());
    assertEquals(
        indexed,
        new TreeSet<>(tensors.tensors().stream().map(ModelTensors.Expected::name).toList()));
    assertEquals(434, tensors.tensors().size(), "no name twice");
    assertEquals(3_852_562_944L, tensors.parameters());
    long bytes =
        tensors.tensors().stream()
            .mapToLong(
                t ->
                    t.elements()
                        * (t.publishedInF32() ? StorageType.F32 : StorageType.BF16).bytes())
            .sum();
    assertEquals(7_706_608_640L, bytes);
    assertEquals(index.get("metadata").get("total_size").longValue(), bytes);
  }

  /** Section 8 of the model's description: matmul weights by part. */
  @Test
  void parametersOfTheRealModelByPart() {
    ModelTensors tensors =
        ModelTensors.of(ModelConfig.read(TestFiles.realModel().resolve("config.json")));
    Map<ModelPart, Long> parts = tensors.parametersByPart();
    assertEquals(512_163_840L, parts.get(ModelPart.EMBEDDING));
    assertEquals(7 * 26_214_400L, parts.get(ModelPart.GMU));
    assertEquals(32 * 78_643_200L, parts.get(ModelPart.MLP));
    assertEquals(65 * 2 * 2560L, parts.get(ModelPart.NORMS));
    long conv = 5 * 5120;
    long scan = 16 * 5120 + 5120 + 5120; // A_log, D, dt_proj.bias
    assertEquals(9 * (41_123_840L + conv + scan), parts.get(ModelPart.MAMBA));
    long small = 2560 + 4 * 64 + 128; // out_proj.bias, lambda, subln
    assertEquals(
        9 * (19_660_800L + 5120 + small) + 7 * (13_107_200L + 2560 + small),
        parts.get(ModelPart.ATTENTION));
    assertEquals(tensors.parameters(), parts.values().stream().mapToLong(Long::longValue).sum());
  }

  /** Counts and shapes of the dense sibling as published. */
  @Test
  void tensorsOfPhi4Mini() {
    ModelTensors tensors =
        ModelTensors.of(ModelConfig.read(TestFiles.phi4Mini().resolve("config.json")));
    assertEquals(3_836_021_760L, tensors.parameters());
    assertEquals(2 + 32 * 6, tensors.tensors().size());
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    tensors.tensors().forEach(t -> shapes.put(t.name(), Arrays.stream(t.shape()).boxed().toList()));
    assertEquals(List.of(200_064L, 3072L), shapes.get("model.embed_tokens.weight"));
    assertEquals(List.of(5120L, 3072L), shapes.get("model.layers.31.self_attn.qkv_proj.weight"));
    assertEquals(List.of(3072L, 3072L), shapes.get("model.layers.31.self_attn.o_proj.weight"));
    assertEquals(List.of(16_384L, 3072L), shapes.get("model.layers.31.mlp.gate_up_proj.weight"));
    assertEquals(List.of(3072L, 8192L), shapes.get("model.layers.31.mlp.down_proj.weight"));
    assertEquals(List.of(3072L), shapes.get("model.layers.0.input_layernorm.weight"));
    assertEquals(List.of(3072L), shapes.get("model.layers.0.post_attention_layernorm.weight"));
    assertEquals(List.of(3072L), shapes.get("model.norm.weight"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "flash-deep",
        "flash-gqa-window",
        "flash-tiny-bf16",
        "flash-tiny-f32",
        "flash-w512-bf16",
        "phi4mini-tiny",
        "variant-gmu-norm",
        "variant-mamba",
        "variant-samba",
        "variant-sambay-noda",
        "variant-sambayda",
        "variant-sambayoco"
      })
  void everyTensorOfTheGoldensIsAccountedFor(String name) {
    verify(TestFiles.golden(name));
  }

  @Test
  void everyTensorOfTheModelInTheBoxIsAccountedFor() {
    verify(TestFiles.root().resolve("models/tiny-reasoner"));
  }

  private static void verify(Path directory) {
    ModelTensors tensors = ModelTensors.of(ModelConfig.read(directory.resolve("config.json")));
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      tensors.verify(checkpoint);
      assertEquals(tensors.parameters(), checkpoint.totalElements());
      for (ModelTensors.Expected expected : tensors.tensors()) {
        assertArrayEquals(expected.shape(), checkpoint.tensor(expected.name()).shape());
      }
      assertEquals(List.of(), checkpoint.findNonFinite(bytes -> {}));
    }
  }

  // Checkpoints that do not fit; each starts from one that does.

  private final ModelConfig config =
      ModelConfig.read(TestFiles.golden("flash-tiny-bf16").resolve("config.json"));

  @Test
  void missingTensor() {
    Map<String, Declaration> files = fitting();
    files.remove("model.layers.3.attn.Wqkv.bias");
    refused(files, "tensor model.layers.3.attn.Wqkv.bias is missing, expected [128]");
  }

  @Test
  void surplusTensor() {
    Map<String, Declaration> files = fitting();
    put(files, "model.layers.8.mlp.fc1.weight", StorageType.BF16, 4);
    refused(files, "tensor 'model.layers.8.mlp.fc1.weight' is surplus");
  }

  @Test
  void wrongShape() {
    Map<String, Declaration> files = fitting();
    put(files, "model.layers.0.attn.A_log", StorageType.F32, 16, 128);
    refused(files, "tensor model.layers.0.attn.A_log is [16, 128], expected [128, 16]");
  }

  @Test
  void wrongStorageType() {
    Map<String, Declaration> files = fitting();
    put(files, "model.layers.0.attn.D", StorageType.F16, 128);
    refused(
        files,
        "tensor model.layers.0.attn.D is stored as F16, expected BF16 as most of the others, or F32");
    files = fitting();
    put(files, "model.layers.0.attn.A_log", StorageType.I32, 128, 16);
    refused(files, "tensor model.layers.0.attn.A_log is stored as I32, expected F32");
  }

  @Test
  void manyThingsWrongAreSummedUp() {
    Map<String, Declaration> files = fitting();
    files.keySet().removeIf(name -> name.startsWith("model.layers.2."));
    refused(files, "model.layers.2.input_layernorm.weight is missing", "and 7 more");
  }

  @Test
  void headOfATiedModelIsPassedOver() {
    Map<String, Declaration> files = fitting();
    put(files, "lm_head.weight", StorageType.BF16, 256, 64);
    write(files);
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      ModelTensors.of(config).verify(checkpoint);
    }
  }

  @Test
  void storageTypesThatAreAllowed() {
    Map<String, Declaration> files = fitting();
    put(files, "model.layers.0.attn.D", StorageType.F32, 128); // more precise than the rest
    put(
        files,
        "model.layers.0.attn.A_log",
        StorageType.BF16,
        128,
        16); // re-saved without care: a warning
    write(files);
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      ModelTensors.of(config).verify(checkpoint);
    }
  }

  private void refused(Map<String, Declaration> files, String... parts) {
    write(files);
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      assertRefused(() -> ModelTensors.of(config).verify(checkpoint), parts);
    }
  }

  private Map<String, Declaration> fitting() {
    Map<String, Declaration> files = new LinkedHashMap<>();
    for (ModelTensors.Expected tensor : ModelTensors.of(config).tensors()) {
      put(
          files,
          tensor.name(),
          tensor.publishedInF32() ? StorageType.F32 : StorageType.BF16,
          tensor.shape());
    }
    return files;
  }

  private static void put(
      Map<String, Declaration> files, String name, StorageType type, long... shape) {
    files.put(name, new Declaration(name, type, shape));
  }

  private void write(Map<String, Declaration> files) {
    List<Declaration> declarations = new ArrayList<>(files.values());
    try (SafeTensorsWriter writer =
        SafeTensorsWriter.create(dir.resolve("model.safetensors"), declarations, Map.of())) {
      for (Declaration tensor : declarations) {
        writer.write(tensor.name(), ByteBuffer.allocate((int) tensor.bytes()));
      }
      writer.commit();
    }
  }
}
