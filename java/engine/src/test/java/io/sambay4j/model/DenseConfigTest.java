package io.sambay4j.model;

import static io.sambay4j.model.ModelConfigTest.set;
import static io.sambay4j.weights.TestFiles.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.model.RopeConfig.Factors;
import io.sambay4j.model.RopeConfig.LongRope;
import io.sambay4j.weights.TestFiles;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Configurations of dense models: Phi-4-mini, its rotary embedding, and what contradicts itself.
 */
final class DenseConfigTest {
  private static final String REAL = TestFiles.text(TestFiles.phi4Mini().resolve(ModelConfig.FILE));
  private static final String SCALING =
      """
      {"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1], "long_factor": [1, 2, 3, 4, 5, 6.5]}
      """;

  /** A small one without anything that has a default. */
  private static final String SMALL =
      """
      {"model_type": "phi3", "vocab_size": 10, "hidden_size": 64, "intermediate_size": 8,
       "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 128}
      """;

  @Test
  void phi4Mini() {
    ModelConfig config = ModelConfig.parse(REAL);
    assertEquals(ModelFamily.PHI3, config.family());
    assertEquals(Collections.nCopies(32, LayerKind.FULL), config.layers());
    assertEquals(OptionalInt.of(31), config.borderLayer());
    assertEquals(24, config.heads());
    assertEquals(8, config.kvHeads());
    assertEquals(128, config.headDim());
    assertEquals(0, config.slidingWindow(), "wider than the context");
    assertEquals(NormKind.RMS_NORM, config.norm());
    assertFalse(config.attentionBias());
    assertFalse(config.differentialAttention());
    assertTrue(config.tiedEmbeddings());
    assertEquals(131_072, config.maxPositions());
    assertEquals(0, config.mambaInner());
    RopeConfig rope = config.rope();
    assertEquals(10_000, rope.theta());
    assertEquals(96, rope.rotated());
    LongRope longRope = rope.longRope();
    assertEquals(4096, longRope.originalPositions());
    assertEquals(Collections.nCopies(48, 1.0), longRope.shortFactors());
    assertEquals(48, longRope.longFactors().size());
    assertEquals(47.77, longRope.longFactors().get(47));
    assertEquals(1.1902380714238083, longRope.scale(), 1e-15);
    assertEquals(Factors.SHORT, config.ropeFactors(4096));
    assertEquals(Factors.LONG, config.ropeFactors(4097));
  }

  @Test
  void defaultsOfTheConfigurationClass() {
    ModelConfig config = ModelConfig.parse(SMALL);
    assertEquals(4, config.kvHeads());
    assertEquals(new RopeConfig(10_000, 16, null), config.rope());
    assertEquals(1e-5, config.normEps());
    assertFalse(config.tiedEmbeddings());
    assertEquals(Factors.SHORT, config.ropeFactors(Integer.MAX_VALUE), "no LongRoPE, one table");
    assertNull(ModelConfig.parse(set(SMALL, "rope_scaling", "null")).rope().longRope());
  }

  @ParameterizedTest
  @CsvSource({"127, SWA", "1, SWA", "128, FULL", "129, FULL", "null, FULL"})
  void aWindowCountsWhereItIsNarrowerThanTheContext(String window, LayerKind kind) {
    ModelConfig config = ModelConfig.parse(set(SMALL, "sliding_window", window));
    assertEquals(List.of(kind, kind), config.layers());
    assertEquals(kind == LayerKind.SWA ? Integer.parseInt(window) : 0, config.slidingWindow());
    assertEquals(
        kind == LayerKind.SWA ? OptionalInt.empty() : OptionalInt.of(1), config.borderLayer());
  }

  @Test
  void spellingsOfTheRotaryEmbedding() {
    String partial = set(SMALL, "partial_rotary_factor", "0.75");
    String original = set(partial, "original_max_position_embeddings", "16");
    RopeConfig published = ModelConfig.parse(set(original, "rope_scaling", SCALING)).rope();
    assertEquals(12, published.rotated());
    LongRope longRope = published.longRope();
    assertNotNull(longRope);
    assertEquals(Math.sqrt(1 + Math.log(8) / Math.log(16)), longRope.scale(), 1e-15);
    for (String scaling :
        List.of(
            SCALING.replace("\"type\"", "\"rope_type\""),
            SCALING.replace("longrope", "su"),
            SCALING.replace("{", "{\"rope_type\": \"longrope\", "))) {
      assertEquals(
          published, ModelConfig.parse(set(original, "rope_scaling", scaling)).rope(), scaling);
    }
    String all =
        SCALING.replace(
            "{",
            "{\"rope_theta\": 10000.0, \"partial_rotary_factor\": 0.75,"
                + "\"original_max_position_embeddings\": 16,");
    assertEquals(published, ModelConfig.parse(set(SMALL, "rope_parameters", all)).rope());
    String none = "{\"rope_type\": \"default\", \"rope_theta\": 500}";
    assertEquals(
        new RopeConfig(500, 16, null),
        ModelConfig.parse(set(SMALL, "rope_parameters", none)).rope());
  }

  @Test
  void scaleOfTheRotaryEmbedding() {
    String partial = set(SMALL, "partial_rotary_factor", "0.75");
    String given = SCALING.replace("{", "{\"attention_factor\": 1.5,");
    assertEquals(1.5, scale(set(partial, "rope_scaling", given)));
    assertEquals(1, scale(set(partial, "rope_scaling", SCALING)), "not extended");
    String factor = SCALING.replace("{", "{\"factor\": 4,");
    assertEquals(
        Math.sqrt(1 + Math.log(4) / Math.log(128)),
        scale(set(partial, "rope_scaling", factor)),
        1e-15);
  }

  private static double scale(String json) {
    return ModelConfig.parse(json).rope().longRope().scale();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "vocab_size;0",
        "hidden_size;null",
        "intermediate_size;0",
        "num_hidden_layers;1025",
        "num_attention_heads;5",
        "num_key_value_heads;3",
        "num_key_value_heads;8",
        "head_dim;0",
        "max_position_embeddings;0",
        "max_position_embeddings;null",
        "max_position_embeddings;1e9",
        "sliding_window;0",
        "sliding_window;-1",
        "sliding_window;[5, 5]",
        "rms_norm_eps;0",
        "rope_theta;0.5",
        "rope_theta;\"big\"",
        "partial_rotary_factor;0",
        "partial_rotary_factor;1.5",
        "partial_rotary_factor;NaN",
        "attention_bias;true",
        "mlp_bias;true",
        "lm_head_bias;true",
        "hidden_act;\"gelu\"",
        "tie_word_embeddings;1",
        "eos_token_id;10",
        "rope_scaling;7"
      })
  void fieldOutOfRange(String field, String value) {
    assertRefused(() -> ModelConfig.parse(set(SMALL, field, value)), field + " is ", "expected");
  }

  @Test
  void aPartThatLeavesHalfAPairToTurn() {
    assertRefused(
        () -> ModelConfig.parse(set(SMALL, "partial_rotary_factor", "0.19")), // 3 of 16
        "the number of rotated features (partial_rotary_factor * head_dim) is 3",
        "even");
    assertRefused(
        () -> ModelConfig.parse(set(SMALL, "partial_rotary_factor", "0.01")),
        "is 0, expected an even number of at least 2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"type\": \"yarn\", \"factor\": 4}",
        "{\"type\": \"linear\"}",
        "{\"type\": 3}",
        "{\"type\": \"longrope\"}",
        "{\"type\": \"longrope\", \"short_factor\": 1, \"long_factor\": 1}",
        "{\"type\": \"longrope\", \"short_factor\": [], \"long_factor\": []}",
        "{\"type\": \"longrope\", \"short_factor\": [1,1,1,1,1,1,1,1], \"long_factor\": [1,1]}",
        "{\"type\": \"longrope\", \"short_factor\": [1,1,1,1,1,1,1,0], \"long_factor\": [1,1,1,1,1,1,1,1]}",
        "{\"type\": \"longrope\", \"short_factor\": [1,1,1,1,1,1,1,1], \"long_factor\": [1,1,1,\"2\",1,1,1,1]}",
        "{\"type\": \"longrope\", \"short_factor\": [1,1,1,1,1,1,1,1], \"long_factor\": [1,1,1,1,1,1,1,1e300]}",
        "{\"type\": \"longrope\", \"short_factor\": [1,1,1,1,1,1,1,1], \"long_factor\": [1,1,1,1,1,1,1,1], \"attention_factor\": 0}",
        "{\"type\": \"longrope\", \"short_factor\": [1,1,1,1,1,1,1,1], \"long_factor\": [1,1,1,1,1,1,1,1], \"factor\": 0.5}"
      })
  void scalingThatIsNotThisOneOrContradictsItself(String scaling) {
    assertRefused(
        () -> ModelConfig.parse(set(SMALL, "rope_scaling", scaling)), "rope_scaling", "expected");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "1", "-5", "1e9", "\"4096\""})
  void originalContextOutOfRange(String value) {
    String eight = "[1,1,1,1,1,1,1,1]";
    String scaling =
        "{\"type\": \"longrope\", \"short_factor\": %s, \"long_factor\": %s}"
            .formatted(eight, eight);
    String json = set(SMALL, "original_max_position_embeddings", value);
    assertRefused(
        () -> ModelConfig.parse(set(json, "rope_scaling", scaling)),
        "original_max_position_embeddings is ",
        "expected");
  }
}
