package io.sambay4j.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.InvalidModelException;
import io.sambay4j.json.JsonFields;
import io.sambay4j.json.Quote;
import io.sambay4j.json.StrictJson;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns {@code config.json} into a {@link ModelConfig}: types, spellings and defaults; the record
 * checks the rest.
 */
final class ModelConfigReader {
  private static final int MAX_BYTES = 1 << 20;

  private final JsonFields fields;
  private final String source;

  private ModelConfigReader(ObjectNode root, String source) {
    this.fields = new JsonFields(root, source);
    this.source = source;
  }

  static ModelConfig read(Path file) {
    return new ModelConfigReader(StrictJson.readObject(file, MAX_BYTES), file.toString()).config();
  }

  static ModelConfig parse(String json) {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    return new ModelConfigReader(StrictJson.parseObject(bytes, ModelConfig.FILE), ModelConfig.FILE)
        .config();
  }

  private ModelConfig config() {
    ModelFamily family = family();
    try {
      return switch (family) {
        case PHI4FLASH, SAMBAY -> sambaY(family);
        case MAMBA -> mamba();
        case PHI3 -> phi3();
      };
    } catch (IllegalArgumentException e) {
      throw new InvalidModelException(source + ": " + e.getMessage(), e);
    }
  }

  private ModelFamily family() {
    String type = fields.optionalString("model_type");
    String architecture = architecture();
    for (ModelFamily family : ModelFamily.values()) {
      boolean sameType = type == null || type.equals(family.modelType());
      boolean sameArchitecture = architecture == null || architecture.equals(family.architecture());
      if ((type != null || architecture != null) && sameType && sameArchitecture) {
        return family;
      }
    }
    throw new InvalidModelException(
        source
            + ": model_type "
            + (type == null ? "(missing)" : Quote.of(type))
            + " with architectures "
            + (architecture == null ? "(missing)" : Quote.of(architecture))
            + " is not supported, expected one of "
            + ModelFamily.supported());
  }

  private @Nullable String architecture() {
    JsonNode node = fields.node("architectures");
    if (node == null || (node.isArray() && node.isEmpty())) {
      return null;
    }
    if (!node.isArray() || node.size() != 1 || !node.get(0).isTextual()) {
      throw fields.invalid("architectures", "a list of one string");
    }
    return node.get(0).textValue();
  }

  private ModelConfig sambaY(ModelFamily family) {
    requireSilu();
    int hidden = fields.integer("hidden_size", 1, ModelConfig.MAX_WIDTH);
    int vocab = fields.integer("vocab_size", 1, ModelConfig.MAX_VOCAB);
    List<LayerKind> layers = layers();
    boolean attends = layers.stream().anyMatch(LayerKind::isAttention);
    int heads = attends ? fields.integer("num_attention_heads", 1, ModelConfig.MAX_HEADS) : 0;
    int headDim = attends ? headDim(hidden, heads) : 0;
    int expand = fields.integer("mamba_expand", 2, 1, 16);
    return new ModelConfig(
        family,
        vocab,
        hidden,
        fields.integer("intermediate_size", 1, ModelConfig.MAX_INNER),
        layers,
        heads,
        attends ? fields.integer("num_key_value_heads", heads, 1, heads) : 0,
        headDim,
        slidingWindow(layers),
        attends && fields.bool("use_diff_attn", true),
        norm(),
        fields.number("layer_norm_eps", 1e-5, Double.MIN_VALUE, ModelConfig.MAX_EPS),
        fields.bool("attn_bias", true),
        fields.bool("tie_word_embeddings", true),
        localRope(headDim),
        fields.bool("gmu_norm", false),
        expand * hidden,
        fields.integer("mamba_d_state", 16, 1, ModelConfig.MAX_STATE),
        fields.integer("mamba_d_conv", 4, 1, ModelConfig.MAX_TAPS),
        (hidden + 15) / 16, // the published code never passes mamba_dt_rank on
        maxPositions(),
        bosTokenId(vocab),
        fields.tokenIds("eos_token_id", vocab - 1));
  }

  private ModelConfig mamba() {
    requireSilu();
    requireBool("use_bias", false);
    requireBool("use_conv_bias", true);
    int hidden = fields.integer("hidden_size", 1, ModelConfig.MAX_WIDTH);
    int vocab = fields.integer("vocab_size", 1, ModelConfig.MAX_VOCAB);
    int layers = fields.integer("num_hidden_layers", 1, ModelConfig.MAX_LAYERS);
    int inner = fields.integer("expand", 2, 1, 16) * hidden;
    return new ModelConfig(
        ModelFamily.MAMBA,
        vocab,
        hidden,
        0,
        Collections.nCopies(layers, LayerKind.MAMBA),
        0,
        0,
        0,
        0,
        false,
        NormKind.RMS_NORM,
        fields.number("layer_norm_epsilon", 1e-5, Double.MIN_VALUE, ModelConfig.MAX_EPS),
        false,
        fields.bool("tie_word_embeddings", true),
        null,
        false,
        fields.integer("intermediate_size", inner, 1, ModelConfig.MAX_INNER),
        fields.integer("state_size", 16, 1, ModelConfig.MAX_STATE),
        fields.integer("conv_kernel", 4, 1, ModelConfig.MAX_TAPS),
        timeStepRank(hidden),
        maxPositions(),
        bosTokenId(vocab),
        fields.tokenIds("eos_token_id", vocab - 1));
  }

  private @Nullable RopeConfig localRope(int headDim) {
    Double theta = fields.optionalNumber("rope_theta_local", 1, RopeConfig.MAX_THETA);
    if (theta == null || headDim == 0) {
      return null;
    }
    ModelConfig.check(
        headDim % 2 == 0,
        "head_dim",
        headDim,
        "an even number, because rotary embedding works on pairs");
    return new RopeConfig(theta, headDim, null);
  }

  /** Defaults are those of the published configuration class of Phi-3. */
  private ModelConfig phi3() {
    requireSilu();
    requireBool("attention_bias", false);
    requireBool("mlp_bias", false);
    requireBool("lm_head_bias", false);
    int hidden = fields.integer("hidden_size", 1, ModelConfig.MAX_WIDTH);
    int vocab = fields.integer("vocab_size", 1, ModelConfig.MAX_VOCAB);
    int layers = fields.integer("num_hidden_layers", 1, ModelConfig.MAX_LAYERS);
    int heads = fields.integer("num_attention_heads", 1, ModelConfig.MAX_HEADS);
    int headDim = headDim(hidden, heads);
    int maxPositions = fields.integer("max_position_embeddings", 1, ModelConfig.MAX_POSITIONS);
    int window = fields.integer("sliding_window", maxPositions, 1, ModelConfig.MAX_POSITIONS);
    boolean windowed = window < maxPositions; // a wider one hides nothing
    return new ModelConfig(
        ModelFamily.PHI3,
        vocab,
        hidden,
        fields.integer("intermediate_size", 1, ModelConfig.MAX_INNER),
        Collections.nCopies(layers, windowed ? LayerKind.SWA : LayerKind.FULL),
        heads,
        fields.integer("num_key_value_heads", heads, 1, heads),
        headDim,
        windowed ? window : 0,
        false,
        NormKind.RMS_NORM,
        fields.number("rms_norm_eps", 1e-5, Double.MIN_VALUE, ModelConfig.MAX_EPS),
        false,
        fields.bool("tie_word_embeddings", false),
        new PhiRopeReader(fields, headDim, maxPositions).rope(),
        false,
        0,
        0,
        0,
        0,
        maxPositions,
        bosTokenId(vocab),
        fields.tokenIds("eos_token_id", vocab - 1));
  }

  private List<LayerKind> layers() {
    int n = fields.integer("num_hidden_layers", 1, ModelConfig.MAX_LAYERS);
    int period = fields.integer("mb_per_layer", 2, Integer.MIN_VALUE, Integer.MAX_VALUE);
    if (period != 2) {
      throw fields.invalid("mb_per_layer", "2: every second layer is Mamba or a GMU");
    }
    JsonNode kinds = fields.node("layer_kinds");
    if (kinds == null) {
      if (n % 4 != 0) {
        throw fields.invalid("num_hidden_layers", "a multiple of 4 where layer_kinds is not given");
      }
      return defaultLayers(n);
    }
    String allowed =
        "a list of num_hidden_layers = " + n + " of mamba, swa, mamba_mem, full, gmu, cross";
    if (!kinds.isArray() || kinds.size() != n) {
      throw fields.invalid("layer_kinds", allowed);
    }
    List<LayerKind> layers = new ArrayList<>(n);
    for (JsonNode kind : kinds) {
      layers.add(
          LayerKind.of(kind.isTextual() ? kind.textValue() : "")
              .orElseThrow(() -> fields.invalid("layer_kinds", allowed)));
    }
    return layers;
  }

  /**
   * Even layers scan up to the middle one, which keeps the memory, and gate it above; odd layers
   * attend.
   */
  private static List<LayerKind> defaultLayers(int n) {
    int half = n / 2;
    List<LayerKind> layers = new ArrayList<>(n);
    for (int i = 0; i < n; i++) {
      if (i % 2 == 0) {
        layers.add(i < half ? LayerKind.MAMBA : i == half ? LayerKind.MAMBA_MEMORY : LayerKind.GMU);
      } else {
        layers.add(i < half ? LayerKind.SWA : i == half + 1 ? LayerKind.FULL : LayerKind.CROSS);
      }
    }
    return layers;
  }

  private int headDim(int hidden, int heads) {
    if (!fields.has("head_dim") && hidden % heads != 0) {
      throw fields.invalid(
          "num_attention_heads",
          "a divisor of hidden_size = " + hidden + " where head_dim is not given");
    }
    return fields.integer("head_dim", hidden / heads, 1, ModelConfig.MAX_HEAD_DIM);
  }

  /**
   * One integer as published, or the list a re-saved checkpoint has: the window where there is one,
   * else null.
   */
  private int slidingWindow(List<LayerKind> layers) {
    boolean needed = layers.contains(LayerKind.SWA);
    JsonNode node = fields.node("sliding_window");
    if (node == null || !node.isArray()) {
      int window =
          needed
              ? fields.integer("sliding_window", 1, ModelConfig.MAX_POSITIONS)
              : fields.integer("sliding_window", 1, 1, ModelConfig.MAX_POSITIONS);
      return needed ? window : 0;
    }
    String allowed =
        "one integer, or a list with the same one for each window-attention layer and null for all others";
    if (node.size() != layers.size()) {
      throw fields.invalid("sliding_window", allowed);
    }
    int window = 0;
    for (int i = 0; i < layers.size(); i++) {
      JsonNode entry = node.get(i);
      boolean isWindow = layers.get(i) == LayerKind.SWA;
      boolean fits =
          isWindow
              ? entry.isIntegralNumber()
                  && entry.canConvertToInt()
                  && (window == 0 || entry.intValue() == window)
              : entry.isNull();
      if (!fits
          || (isWindow && (entry.intValue() < 1 || entry.intValue() > ModelConfig.MAX_POSITIONS))) {
        throw fields.invalid("sliding_window", allowed);
      }
      window = isWindow ? entry.intValue() : window;
    }
    return window;
  }

  private NormKind norm() {
    String name = fields.optionalString("norm_type");
    if (name == null) {
      return NormKind.LAYER_NORM;
    }
    for (NormKind kind : NormKind.values()) {
      if (kind.configName().equals(name)) {
        return kind;
      }
    }
    throw fields.invalid("norm_type", "layernorm or rmsnorm");
  }

  private int timeStepRank(int hidden) {
    JsonNode node = fields.node("time_step_rank");
    if (node == null || "auto".equals(node.textValue())) {
      return (hidden + 15) / 16;
    }
    return fields.integer("time_step_rank", 1, ModelConfig.MAX_WIDTH);
  }

  private int maxPositions() {
    return fields.integer(
        "max_position_embeddings", ModelConfig.DEFAULT_MAX_POSITIONS, 1, ModelConfig.MAX_POSITIONS);
  }

  private @Nullable Integer bosTokenId(int vocab) {
    return fields.optionalInteger("bos_token_id", 0, vocab - 1);
  }

  private void requireSilu() {
    String activation = fields.optionalString("hidden_act");
    if (activation != null && !activation.equals("silu")) {
      throw fields.invalid("hidden_act", "silu");
    }
  }

  private void requireBool(String field, boolean only) {
    if (fields.bool(field, only) != only) {
      throw fields.invalid(field, String.valueOf(only));
    }
  }
}
