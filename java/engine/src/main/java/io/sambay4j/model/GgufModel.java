package io.sambay4j.model;

import io.sambay4j.InvalidModelException;
import io.sambay4j.json.Quote;
import io.sambay4j.model.RopeConfig.LongRope;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.Gguf;
import io.sambay4j.weights.GgufMetadata;
import io.sambay4j.weights.GgufWriter;
import io.sambay4j.weights.TensorInfo;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A dense model in a GGUF file: which configuration its settings mean, and what its tensors are
 * called here. The architecture must be {@code phi3}.
 */
public final class GgufModel {
  /** The only architecture that is read, and the prefix of its settings. */
  static final String ARCHITECTURE = "phi3";

  private static final String LONG_FACTORS = "rope_factors_long.weight";
  private static final String SHORT_FACTORS = "rope_factors_short.weight";
  private static final String BOS = "tokenizer.ggml.bos_token_id";
  private static final String EOS = "tokenizer.ggml.eos_token_id";

  /** GGUF's names of the parts that are there once, and ours. */
  private static final Map<String, String> NAMES =
      Map.of(
          "token_embd.weight", "model.embed_tokens.weight",
          "output_norm.weight", "model.norm.weight",
          "output.weight", "lm_head.weight");

  /** GGUF's names of the parts of a layer, and ours. */
  private static final Map<String, String> LAYER_NAMES =
      Map.of(
          "attn_norm.weight", "input_layernorm.weight",
          "attn_qkv.weight", "self_attn.qkv_proj.weight",
          "attn_output.weight", "self_attn.o_proj.weight",
          "ffn_norm.weight", "post_attention_layernorm.weight",
          "ffn_up.weight", "mlp.gate_up_proj.weight",
          "ffn_down.weight", "mlp.down_proj.weight");

  private static final Pattern LAYER = Pattern.compile("blk\\.(\\d{1,4})\\.(.+)");

  private final Gguf file;
  private final GgufMetadata settings;

  private GgufModel(Gguf file) {
    this.file = file;
    this.settings = file.metadata();
  }

  /**
   * The configuration of a file.
   *
   * @throws InvalidModelException naming the file and the setting, its value and what is allowed
   */
  public static ModelConfig config(Gguf file) {
    String architecture = file.metadata().string("general.architecture");
    if (!architecture.equals(ARCHITECTURE)) {
      throw file.metadata()
          .invalid("general.architecture", ARCHITECTURE + ", the only one read from GGUF files");
    }
    try {
      return new GgufModel(file).config();
    } catch (IllegalArgumentException e) {
      throw new InvalidModelException(file.file() + ": " + e.getMessage(), e);
    }
  }

  /**
   * The weights of a file, under the names of {@link ModelTensors}. The checkpoint takes the file
   * over.
   */
  public static Checkpoint checkpoint(Gguf file) {
    return Checkpoint.of(file.renamed(GgufModel::ourName, name -> !isRopeFactors(name)));
  }

  /** The name here of a tensor of a GGUF file; the same name where it is not known. */
  public static String ourName(String name) {
    Matcher layer = LAYER.matcher(name);
    if (layer.matches() && LAYER_NAMES.containsKey(layer.group(2))) {
      return "model.layers." + layer.group(1) + "." + LAYER_NAMES.get(layer.group(2));
    }
    return NAMES.getOrDefault(name, name);
  }

  /**
   * The tensors of a dense model as GGUF calls them, by the names of {@link ModelTensors}.
   *
   * @throws IllegalArgumentException if the model is no dense one
   */
  public static Map<String, String> ggufNames(ModelConfig config) {
    if (config.family() != ModelFamily.PHI3) {
      throw new IllegalArgumentException(
          config.family().modelType() + " models have no names in GGUF files, only dense ones");
    }
    Map<String, String> names = new LinkedHashMap<>();
    NAMES.forEach((gguf, ours) -> names.put(ours, gguf));
    for (int layer = 0; layer < config.layers().size(); layer++) {
      for (Map.Entry<String, String> part : LAYER_NAMES.entrySet()) {
        names.put(
            "model.layers." + layer + "." + part.getValue(), "blk." + layer + "." + part.getKey());
      }
    }
    return names;
  }

  /**
   * The settings of a dense model as a GGUF header holds them, without a tokenizer.
   *
   * @throws IllegalArgumentException if the model is no dense one
   */
  public static GgufWriter.Metadata metadata(ModelConfig config) {
    ggufNames(config); // refuses others
    RopeConfig rope = Objects.requireNonNull(config.rope());
    GgufWriter.Metadata metadata =
        new GgufWriter.Metadata()
            .put("general.architecture", ARCHITECTURE)
            .put(key("context_length"), config.maxPositions())
            .put(key("embedding_length"), config.hiddenSize())
            .put(key("feed_forward_length"), config.intermediateSize())
            .put(key("block_count"), config.layers().size())
            .put(key("attention.head_count"), config.heads())
            .put(key("attention.head_count_kv"), config.kvHeads())
            .put(key("attention.key_length"), config.headDim())
            .put(key("attention.value_length"), config.headDim())
            .put(key("attention.layer_norm_rms_epsilon"), (float) config.normEps())
            .put(key("attention.sliding_window"), config.slidingWindow())
            .put(key("rope.dimension_count"), rope.rotated())
            .put(key("rope.freq_base"), (float) rope.theta());
    LongRope longRope = rope.longRope();
    if (longRope != null) {
      metadata
          .put(key("rope.scaling.original_context_length"), longRope.originalPositions())
          .put(key("rope.scaling.attn_factor"), (float) longRope.scale());
    }
    if (config.bosTokenId() != null) {
      metadata.put(BOS, config.bosTokenId());
    }
    if (!config.eosTokenIds().isEmpty()) {
      metadata.put(EOS, config.eosTokenIds().get(0));
    }
    return metadata;
  }

  /** The tensors that hold the factors of LongRoPE, by name; none in models without. */
  public static Map<String, float[]> ropeFactors(ModelConfig config) {
    LongRope longRope = config.rope() == null ? null : config.rope().longRope();
    return longRope == null
        ? Map.of()
        : Map.of(
            LONG_FACTORS, floats(longRope.longFactors()),
            SHORT_FACTORS, floats(longRope.shortFactors()));
  }

  private static float[] floats(List<Double> numbers) {
    float[] values = new float[numbers.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = numbers.get(i).floatValue();
    }
    return values;
  }

  private static boolean isRopeFactors(String name) {
    return name.equals(LONG_FACTORS) || name.equals(SHORT_FACTORS);
  }

  private ModelConfig config() {
    int hidden = integer("embedding_length", ModelConfig.MAX_WIDTH);
    int heads = integer("attention.head_count", ModelConfig.MAX_HEADS);
    Integer keyLength =
        settings.optionalInteger(key("attention.key_length"), 1, ModelConfig.MAX_HEAD_DIM);
    if (keyLength == null && hidden % heads != 0) {
      throw settings.invalid(
          key("attention.head_count"), "a divisor of " + key("embedding_length") + " = " + hidden);
    }
    int headDim = keyLength == null ? hidden / heads : keyLength;
    Integer kvHeads = settings.optionalInteger(key("attention.head_count_kv"), 1, heads);
    Integer rotated = settings.optionalInteger(key("rope.dimension_count"), 2, headDim);
    int maxPositions = integer("context_length", ModelConfig.MAX_POSITIONS);
    int vocabulary = vocabulary();
    int layers = integer("block_count", ModelConfig.MAX_LAYERS);
    Integer window =
        settings.optionalInteger(
            key("attention.sliding_window"), 0, ModelConfig.MAX_POSITIONS); // 0: none
    boolean windowed = window != null && window > 0 && window < maxPositions;
    return new ModelConfig(
        ModelFamily.PHI3,
        vocabulary,
        hidden,
        integer("feed_forward_length", ModelConfig.MAX_INNER),
        Collections.nCopies(layers, windowed ? LayerKind.SWA : LayerKind.FULL),
        heads,
        kvHeads == null ? heads : kvHeads,
        headDim,
        windowed ? window : 0,
        false,
        NormKind.RMS_NORM,
        settings.number(
            key("attention.layer_norm_rms_epsilon"), 1e-5, Double.MIN_VALUE, ModelConfig.MAX_EPS),
        false,
        !file.tensors().containsKey("output.weight"),
        new RopeConfig(
            settings.number(key("rope.freq_base"), 10_000, 1, RopeConfig.MAX_THETA),
            rotated == null ? headDim : rotated,
            longRope(maxPositions)),
        false,
        0,
        0,
        0,
        0,
        maxPositions,
        settings.optionalInteger(BOS, 0, vocabulary - 1),
        endTokens(vocabulary));
  }

  private @Nullable LongRope longRope(int maxPositions) {
    List<Double> longFactors = factors(LONG_FACTORS);
    List<Double> shortFactors = factors(SHORT_FACTORS);
    if (longFactors == null && shortFactors == null) {
      return null;
    }
    if (longFactors == null || shortFactors == null) {
      throw new InvalidModelException(
          "%s: tensor %s is missing, and the other factors are there"
              .formatted(file.file(), longFactors == null ? LONG_FACTORS : SHORT_FACTORS));
    }
    Integer named =
        settings.optionalInteger(
            key("rope.scaling.original_context_length"), 2, ModelConfig.MAX_POSITIONS);
    int original = named == null ? maxPositions : named;
    Double scale =
        settings.optionalNumber(
            key("rope.scaling.attn_factor"), Double.MIN_VALUE, RopeConfig.MAX_SCALE);
    return new LongRope(
        original,
        shortFactors,
        longFactors,
        scale != null
            ? scale
            : LongRope.publishedScale((double) maxPositions / original, original));
  }

  private @Nullable List<Double> factors(String name) {
    TensorInfo tensor = file.tensors().get(name);
    if (tensor == null) {
      return null;
    }
    if (tensor.shape().length != 1 || tensor.elements() > ModelConfig.MAX_HEAD_DIM) {
      throw new InvalidModelException(
          "%s: tensor %s, expected one factor for each pair of rotated features"
              .formatted(file.file(), tensor));
    }
    float[] values = new float[(int) tensor.elements()];
    file.readFloats(tensor, 0, values, 0, values.length);
    List<Double> factors = new ArrayList<>();
    for (float value : values) {
      factors.add((double) value);
    }
    return factors;
  }

  /** Rows of the embedding: the file may have fewer tokens than that. */
  private int vocabulary() {
    TensorInfo embedding = file.tensor("token_embd.weight");
    long rows = embedding.shape()[0];
    if (embedding.shape().length != 2 || rows > ModelConfig.MAX_VOCAB) {
      throw new InvalidModelException(
          "%s: tensor %s, expected a matrix of at most %d rows"
              .formatted(file.file(), Quote.of(embedding.toString()), ModelConfig.MAX_VOCAB));
    }
    return (int) rows;
  }

  private List<Integer> endTokens(int vocabulary) {
    List<Integer> ids = new ArrayList<>();
    for (String key : List.of(EOS, "tokenizer.ggml.eot_token_id")) {
      Integer id = settings.optionalInteger(key, 0, vocabulary - 1);
      if (id != null && !ids.contains(id)) {
        ids.add(id);
      }
    }
    return ids;
  }

  private int integer(String name, int max) {
    return settings.integer(key(name), 1, max);
  }

  private static String key(String name) {
    return ARCHITECTURE + "." + name;
  }
}
