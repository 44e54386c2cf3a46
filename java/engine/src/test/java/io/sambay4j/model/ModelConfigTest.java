package io.sambay4j.model;

import static io.sambay4j.weights.TestFiles.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.InvalidModelException;
import io.sambay4j.weights.TestFiles;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelConfigTest {
  private static final String FLASH =
      TestFiles.text(TestFiles.golden("flash-tiny-f32").resolve("config.json"));
  private static final String YOCO =
      TestFiles.text(TestFiles.golden("variant-sambayoco").resolve("config.json"));
  private static final String MAMBA =
      TestFiles.text(TestFiles.golden("variant-mamba").resolve("config.json"));

  @Test
  void realModel() {
    ModelConfig config = ModelConfig.read(TestFiles.realModel().resolve("config.json"));
    assertEquals(ModelFamily.PHI4FLASH, config.family());
    assertEquals(200_064, config.vocabSize());
    assertEquals(2560, config.hiddenSize());
    assertEquals(10_240, config.intermediateSize());
    assertEquals(32, config.layers().size());
    assertEquals(40, config.heads());
    assertEquals(20, config.kvHeads());
    assertEquals(64, config.headDim());
    assertEquals(2560, config.attentionWidth());
    assertEquals(1280, config.kvWidth());
    assertEquals(512, config.slidingWindow());
    assertTrue(config.differentialAttention());
    assertEquals(NormKind.LAYER_NORM, config.norm());
    assertEquals(1e-5, config.normEps());
    assertTrue(config.attentionBias());
    assertTrue(config.tiedEmbeddings());
    assertNull(config.rope());
    assertFalse(config.gmuNorm());
    assertEquals(5120, config.mambaInner());
    assertEquals(16, config.mambaState());
    assertEquals(4, config.mambaConv());
    assertEquals(160, config.mambaDtRank());
    assertEquals(262_144, config.maxPositions());
    assertEquals(199_999, config.bosTokenId());
    assertEquals(List.of(199_999), config.eosTokenIds());
    assertEquals(8, config.count(LayerKind.MAMBA));
    assertEquals(8, config.count(LayerKind.SWA));
    assertEquals(7, config.count(LayerKind.GMU));
    assertEquals(7, config.count(LayerKind.CROSS));
    assertEquals(OptionalInt.of(16), config.memoryLayer());
    assertEquals(OptionalInt.of(17), config.fullLayer());
    assertEquals(LayerKind.MAMBA, config.layers().get(14));
    assertEquals(LayerKind.SWA, config.layers().get(15));
    assertEquals(LayerKind.GMU, config.layers().get(18));
    assertEquals(LayerKind.CROSS, config.layers().get(31));
  }

  @Test
  void lambda0OfTheAbsoluteLayer() {
    assertEquals(0.355509, ModelConfig.lambda0(1), 1e-6);
    assertEquals(0.556058, ModelConfig.lambda0(3), 1e-6);
    assertEquals(0.796342, ModelConfig.lambda0(17), 1e-6);
    assertEquals(0.799945, ModelConfig.lambda0(31), 1e-6);
  }

  @Test
  void variants() {
    ModelConfig samba = ModelConfig.read(TestFiles.golden("variant-samba").resolve("config.json"));
    assertEquals(ModelFamily.SAMBAY, samba.family());
    assertEquals(new RopeConfig(10_000, 12, null), samba.rope());
    assertEquals(NormKind.RMS_NORM, samba.norm());
    assertFalse(samba.differentialAttention());
    assertFalse(samba.attentionBias());
    assertFalse(samba.tiedEmbeddings());
    assertEquals(OptionalInt.empty(), samba.memoryLayer());
    assertEquals(OptionalInt.empty(), samba.fullLayer());
    ModelConfig yoco = ModelConfig.parse(YOCO);
    assertEquals(OptionalInt.of(5), yoco.fullLayer());
    assertEquals(2, yoco.count(LayerKind.CROSS));
    assertTrue(
        ModelConfig.read(TestFiles.golden("variant-gmu-norm").resolve("config.json")).gmuNorm());
    ModelConfig mamba = ModelConfig.parse(MAMBA);
    assertEquals(ModelFamily.MAMBA, mamba.family());
    assertEquals(Collections.nCopies(4, LayerKind.MAMBA), mamba.layers());
    assertEquals(96, mamba.mambaInner());
    assertEquals(3, mamba.mambaDtRank());
    assertFalse(mamba.hasMlp());
    assertEquals(ModelConfig.DEFAULT_MAX_POSITIONS, mamba.maxPositions());
    assertNull(mamba.bosTokenId());
  }

  @Test
  void slidingWindowAsTheListOfAResavedCheckpoint() {
    String list = "[null, 8, null, 8, null, null, null, null]";
    assertEquals(ModelConfig.parse(FLASH), ModelConfig.parse(set(FLASH, "sliding_window", list)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[null, 8, null, 9, null, null, null, null]",
        "[null, 8, null, null, null, null, null, null]",
        "[8, 8, null, 8, null, null, null, null]",
        "[null, 8, null, 8, null, 8, null, null]",
        "[null, 8, null, 8]",
        "[]",
        "[null, 8, null, 8.0, null, null, null, null]",
        "[null, \"8\", null, \"8\", null, null, null, null]",
        "[null, 0, null, 0, null, null, null, null]",
        "[null, 99999999999, null, 99999999999, null, null, null, null]"
      })
  void slidingWindowListThatContradictsTheLayers(String list) {
    assertRefused(() -> ModelConfig.parse(set(FLASH, "sliding_window", list)), "sliding_window is");
  }

  @Test
  void defaultsOfTheConfigurationClass() {
    String bare =
        """
        {"model_type": "phi4flash", "vocab_size": 10, "hidden_size": 40, "intermediate_size": 8,
         "num_hidden_layers": 4, "num_attention_heads": 4, "sliding_window": 3}
        """;
    ModelConfig config = ModelConfig.parse(bare);
    assertEquals(4, config.kvHeads());
    assertEquals(10, config.headDim());
    assertEquals(80, config.mambaInner());
    assertEquals(16, config.mambaState());
    assertEquals(4, config.mambaConv());
    assertEquals(3, config.mambaDtRank(), "ceil(40 / 16)");
    assertEquals(1e-5, config.normEps());
    assertTrue(config.tiedEmbeddings());
    assertEquals(List.of(), config.eosTokenIds());
    assertEquals(
        List.of(LayerKind.MAMBA, LayerKind.SWA, LayerKind.MAMBA_MEMORY, LayerKind.FULL),
        config.layers());
  }

  @Test
  void dtRankOfTheFileIsIgnoredAsThePublishedCodeDoes() {
    assertEquals(4, ModelConfig.parse(set(FLASH, "mamba_dt_rank", "\"auto\"")).mambaDtRank());
    assertEquals(4, ModelConfig.parse(set(FLASH, "mamba_dt_rank", "7")).mambaDtRank());
  }

  // Hostile values: field, value and what is allowed are in the sentence.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "sliding_window"
      })
  void sizesMissingZeroNegativeAbsurdOrOfAnotherType(String field) {
    assertRefused(
        () -> ModelConfig.parse(set(FLASH, field, "null")),
        "config.json: " + field + " is",
        "an integer from 1 to");
    assertRefused(
        () -> ModelConfig.parse(FLASH.replace("\"" + field + "\"", "\"x\"")),
        field + " is missing");
    for (String value :
        List.of(
            "0",
            "-1",
            "-2147483648",
            "2147483647",
            "4294967297",
            "9223372036854775808",
            "1e3",
            "64.0",
            "NaN",
            "Infinity",
            "-Infinity",
            "\"64\"",
            "true",
            "{}",
            "1" + "0".repeat(300))) {
      assertRefused(() -> ModelConfig.parse(set(FLASH, field, value)), field + " is ", "expected");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "num_key_value_heads;0",
        "num_key_value_heads;5",
        "num_key_value_heads;-2",
        "num_key_value_heads;\"2\"",
        "head_dim;0",
        "head_dim;1025",
        "head_dim;16.5",
        "layer_norm_eps;0",
        "layer_norm_eps;-1e-5",
        "layer_norm_eps;NaN",
        "layer_norm_eps;Infinity",
        "layer_norm_eps;\"1e-5\"",
        "layer_norm_eps;1",
        "layer_norm_eps;1e-999",
        "mamba_d_state;0",
        "mamba_d_state;100000",
        "mamba_d_conv;0",
        "mamba_d_conv;65",
        "mamba_expand;0",
        "mamba_expand;17",
        "max_position_embeddings;0",
        "max_position_embeddings;1e9",
        "max_position_embeddings;99999999999999999999",
        "bos_token_id;-1",
        "bos_token_id;256",
        "bos_token_id;[0]",
        "eos_token_id;256",
        "eos_token_id;[0,-1]",
        "tie_word_embeddings;1",
        "tie_word_embeddings;\"true\"",
        "attn_bias;0",
        "use_diff_attn;\"no\"",
        "gmu_norm;[]",
        "norm_type;\"batchnorm\"",
        "norm_type;1",
        "hidden_act;\"gelu\"",
        "mb_per_layer;1",
        "mb_per_layer;0",
        "rope_theta_local;0",
        "rope_theta_local;NaN",
        "rope_theta_local;-10000",
        "layer_kinds;[]",
        "layer_kinds;\"mamba\"",
        "layer_kinds;[\"mamba\"]"
      })
  void fieldOutOfRange(String field, String value) {
    assertRefused(
        () -> ModelConfig.parse(set(FLASH, field, value)),
        "config.json: " + field + " is ",
        "expected");
  }

  @Test
  void headsThatDoNotDivide() {
    assertRefused(
        () -> ModelConfig.parse(set(FLASH, "hidden_size", "66")),
        "num_attention_heads is '4'",
        "a divisor of hidden_size = 66");
    assertRefused(
        () -> ModelConfig.parse(set(FLASH, "num_key_value_heads", "3")),
        "num_key_value_heads is 3",
        "a divisor of num_attention_heads, 4");
    ModelConfig wide = ModelConfig.parse(set(set(FLASH, "hidden_size", "66"), "head_dim", "16"));
    assertEquals(64, wide.attentionWidth(), "head_dim given: the width is free");
  }

  @Test
  void oddHeadCountsWithDifferentialAttention() {
    String five = set(set(FLASH, "num_attention_heads", "5"), "hidden_size", "80");
    assertRefused(
        () -> ModelConfig.parse(set(five, "num_key_value_heads", "5")),
        "num_attention_heads is 5",
        "even");
    assertRefused(
        () -> ModelConfig.parse(set(FLASH, "num_key_value_heads", "1")),
        "num_key_value_heads is 1",
        "even");
    String plain = set(set(five, "num_key_value_heads", "5"), "use_diff_attn", "false");
    assertEquals(5, ModelConfig.parse(plain).heads());
  }

  @Test
  void oddHeadSizeWithRotaryEmbedding() {
    String odd = set(FLASH, "head_dim", "15");
    assertEquals(15, ModelConfig.parse(odd).headDim());
    assertRefused(
        () -> ModelConfig.parse(set(odd, "rope_theta_local", "10000")), "head_dim is 15", "even");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 6, 7, 9, 30, 31, 33})
  void layerCountThatIsNotAMultipleOfFour(int layers) {
    assertRefused(
        () -> ModelConfig.parse(set(FLASH, "num_hidden_layers", "" + layers)),
        "num_hidden_layers is '" + layers + "'",
        "a multiple of 4 where layer_kinds is not given");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "mamba gmu;a mamba_mem layer before the first gmu",
        "gmu mamba_mem;a mamba_mem layer before the first gmu",
        "mamba cross;a full layer before the first cross",
        "swa cross;a full layer before the first cross",
        "full full cross;at most one full layer",
        "mamba_mem mamba_mem;at most one mamba_mem layer",
        "full cross mamba;gmu or cross after the first of these",
        "mamba_mem gmu swa;gmu or cross after the first of these",
        "mamba_mem gmu full;gmu or cross after the first of these"
      })
  void layerKindsOutOfOrder(String kinds, String allowed) {
    assertRefused(() -> ModelConfig.parse(withLayers(kinds)), "layer_kinds[", allowed);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mamba",
        "swa",
        "full",
        "full cross",
        "mamba_mem gmu",
        "mamba mamba_mem full gmu cross cross gmu"
      })
  void layerKindsInOrder(String kinds) {
    assertEquals(kinds.split(" ", -1).length, ModelConfig.parse(withLayers(kinds)).layers().size());
  }

  @Test
  void unknownArchitecture() {
    assertRefused(
        () -> ModelConfig.parse(set(FLASH, "model_type", "\"llama\"")),
        "model_type 'llama'",
        "phi4flash (Phi4FlashForCausalLM)",
        "mamba");
    assertRefused(
        () -> ModelConfig.parse(set(FLASH, "architectures", "[\"LlamaForCausalLM\"]")),
        "'LlamaForCausalLM'");
    assertRefused(() -> ModelConfig.parse("{}"), "model_type (missing)");
    assertRefused(
        () -> ModelConfig.parse(set(FLASH, "architectures", "[\"A\",\"B\"]")), "architectures is");
    assertRefused(() -> ModelConfig.parse(set(FLASH, "model_type", "7")), "model_type is");
    String typeOnly = set(FLASH, "architectures", "null");
    assertEquals(ModelConfig.parse(FLASH), ModelConfig.parse(typeOnly));
    assertEquals(ModelConfig.parse(FLASH), ModelConfig.parse(set(FLASH, "model_type", "null")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "state_size;0",
        "conv_kernel;0",
        "time_step_rank;0",
        "time_step_rank;\"big\"",
        "expand;0",
        "intermediate_size;0",
        "hidden_size;-1",
        "num_hidden_layers;0",
        "use_bias;true",
        "use_conv_bias;false",
        "layer_norm_epsilon;NaN"
      })
  void mambaFieldOutOfRange(String field, String value) {
    assertRefused(() -> ModelConfig.parse(set(MAMBA, field, value)), field + " is ", "expected");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "null",
        "{\"a\":1,\"a\":2}",
        "{} {}",
        "{\"a\":[}",
        "\u0000",
        "{\"a\":01}"
      })
  void notAJsonObject(String json) {
    assertRefused(() -> ModelConfig.parse(json), "config.json");
  }

  @Test
  void nestedVeryDeeplyOrEnormous(@TempDir Path dir) {
    assertRefused(() -> ModelConfig.parse("{\"a\":" + "[".repeat(500_000)), "nesting depth");
    Path large = TestFiles.write(dir.resolve("config.json"), " ".repeat(2_000_000) + "{}");
    assertRefused(() -> ModelConfig.read(large), "2000002 bytes long, at most 1048576");
    assertRefused(() -> ModelConfig.read(dir.resolve("none")), "no such file");
  }

  @Test
  void recordRefusesWhatTheFileCould() {
    ModelConfig c = ModelConfig.parse(FLASH);
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new ModelConfig(
                c.family(),
                c.vocabSize(),
                c.hiddenSize(),
                c.intermediateSize(),
                List.of(),
                c.heads(),
                c.kvHeads(),
                c.headDim(),
                c.slidingWindow(),
                true,
                c.norm(),
                c.normEps(),
                true,
                true,
                null,
                false,
                c.mambaInner(),
                c.mambaState(),
                c.mambaConv(),
                c.mambaDtRank(),
                c.maxPositions(),
                null,
                List.of()));
    assertThrows(UnsupportedOperationException.class, () -> c.layers().remove(0));
  }

  @Test
  void messageOfAnEnormousValueIsShort() {
    String value = "[" + "1,".repeat(100_000) + "1]";
    InvalidModelException e =
        assertThrows(
            InvalidModelException.class, () -> ModelConfig.parse(set(FLASH, "hidden_size", value)));
    assertTrue(String.valueOf(e.getMessage()).length() < 300, e.getMessage());
  }

  private static String withLayers(String kinds) {
    String list = "[\"" + kinds.replace(" ", "\",\"") + "\"]";
    int count = kinds.split(" ", -1).length;
    return set(set(YOCO, "layer_kinds", list), "num_hidden_layers", "" + count);
  }

  /** The JSON object with one field set to a value given as JSON text. */
  static String set(String json, String field, String value) {
    String other = "\"replaced_" + field + "\":";
    String rest = json.replaceFirst("\"" + field + "\"\\s*:", other);
    return "{\"" + field + "\": " + value + "," + rest.substring(rest.indexOf('{') + 1);
  }
}
