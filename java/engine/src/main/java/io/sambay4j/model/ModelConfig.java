package io.sambay4j.model;

import io.sambay4j.InvalidModelException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a model, as its {@code config.json} gives it. An instance is consistent: the
 * constructor refuses everything else with field, value and range.
 *
 * @param family architecture, which also decides the names of the tensors
 * @param vocabSize rows of the embedding and of the logits
 * @param hiddenSize width of the residual stream
 * @param intermediateSize width of the MLP's gate and of its up projection; 0 for {@link
 *     ModelFamily#MAMBA}, which has none
 * @param layers what each layer is, from the first
 * @param heads query heads; 0 where no layer attends
 * @param kvHeads key and value heads, a divisor of {@code heads}
 * @param headDim features of a head; {@code heads * headDim} may differ from {@code hiddenSize}
 * @param slidingWindow keys a {@link LayerKind#SWA} layer sees, the token's own included; 0 where
 *     there is no such layer
 * @param differentialAttention whether heads work in pairs, the second map subtracted from the
 *     first
 * @param norm normalisation of the residual stream
 * @param normEps its epsilon
 * @param attentionBias whether {@code Wqkv} and {@code out_proj} of attention have biases
 * @param tiedEmbeddings whether the embedding is also the head
 * @param rope rotary embedding of every attention layer, or null for none
 * @param gmuNorm whether GMUs normalise after gating
 * @param mambaInner channels of the scan (Di); this and the next three are 0 where no layer scans
 * @param mambaState states of a channel (N)
 * @param mambaConv taps of the convolution, the current token's included
 * @param mambaDtRank rank of the projection to the step size (R)
 * @param maxPositions longest sequence in tokens, {@link #DEFAULT_MAX_POSITIONS} where the file
 *     names none
 * @param bosTokenId token that begins a text, or null
 * @param eosTokenIds tokens that end a text; {@code generation_config.json} takes precedence
 */
public record ModelConfig(
    ModelFamily family,
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    List<LayerKind> layers,
    int heads,
    int kvHeads,
    int headDim,
    int slidingWindow,
    boolean differentialAttention,
    NormKind norm,
    double normEps,
    boolean attentionBias,
    boolean tiedEmbeddings,
    @Nullable RopeConfig rope,
    boolean gmuNorm,
    int mambaInner,
    int mambaState,
    int mambaConv,
    int mambaDtRank,
    int maxPositions,
    @Nullable Integer bosTokenId,
    List<Integer> eosTokenIds) {
  /** The name of the file. */
  public static final String FILE = "config.json";

  /** The limit of models that name none: of those without position encodings, so it is ours. */
  public static final int DEFAULT_MAX_POSITIONS = 1 << 20;

  // Upper limits: far above any model of these families, far below what overflows an address
  // computation.
  static final int MAX_VOCAB = 1 << 22;
  static final int MAX_WIDTH = 1 << 16;
  static final int MAX_INNER = 1 << 18;
  static final int MAX_LAYERS = 1024;
  static final int MAX_HEADS = 1024;
  static final int MAX_HEAD_DIM = 1024;
  static final int MAX_STATE = 1024;
  static final int MAX_TAPS = 64;
  static final int MAX_POSITIONS = 1 << 27;
  static final double MAX_EPS = 0.1;

  public ModelConfig {
    layers = List.copyOf(layers);
    eosTokenIds = List.copyOf(eosTokenIds);
    range("vocab_size", vocabSize, 1, MAX_VOCAB);
    range("hidden_size", hiddenSize, 1, MAX_WIDTH);
    int minIntermediate = family == ModelFamily.MAMBA ? 0 : 1;
    range("intermediate_size", intermediateSize, minIntermediate, minIntermediate * MAX_INNER);
    range("num_hidden_layers", layers.size(), 1, MAX_LAYERS);
    checkLayerOrder(layers);
    boolean attends = layers.stream().anyMatch(LayerKind::isAttention);
    range("num_attention_heads", heads, attends ? 1 : 0, MAX_HEADS);
    range("num_key_value_heads", kvHeads, attends ? 1 : 0, heads);
    range("head_dim", headDim, attends ? 1 : 0, MAX_HEAD_DIM);
    range("sliding_window", slidingWindow, layers.contains(LayerKind.SWA) ? 1 : 0, MAX_POSITIONS);
    if (attends) {
      checkHeads(heads, kvHeads, headDim, differentialAttention, rope);
    }
    check(
        normEps > 0 && normEps <= MAX_EPS,
        "layer_norm_eps",
        normEps,
        "a number over 0, up to " + MAX_EPS);
    int minMamba = layers.stream().anyMatch(LayerKind::isMamba) ? 1 : 0;
    range("mamba inner size (expand * hidden_size)", mambaInner, minMamba, MAX_INNER);
    range("mamba_d_state", mambaState, minMamba, MAX_STATE);
    range("mamba_d_conv", mambaConv, minMamba, MAX_TAPS);
    range("mamba_dt_rank", mambaDtRank, minMamba, MAX_WIDTH);
    range("max_position_embeddings", maxPositions, 1, MAX_POSITIONS);
    if (bosTokenId != null) {
      range("bos_token_id", bosTokenId, 0, vocabSize - 1);
    }
    for (int eos : eosTokenIds) {
      range("eos_token_id", eos, 0, vocabSize - 1);
    }
  }

  /**
   * Reads {@code config.json}; fields that the file may leave out get the defaults of the published
   * configuration class.
   *
   * @throws InvalidModelException naming the file and the field, its value and what is allowed
   */
  public static ModelConfig read(Path configJson) {
    return ModelConfigReader.read(configJson);
  }

  /** As {@link #read}, from the text of the file. */
  public static ModelConfig parse(String json) {
    return ModelConfigReader.parse(json);
  }

  /**
   * λ0 of differential attention in a layer, counted from 0 over all layers: 0.8 −
   * 0.6·e^(−0.3·layer).
   */
  public static double lambda0(int layer) {
    return 0.8 - 0.6 * Math.exp(-0.3 * layer);
  }

  /** Whether each layer has an MLP behind its mixer. */
  public boolean hasMlp() {
    return intermediateSize > 0;
  }

  /** Number of layers of a kind. */
  public int count(LayerKind kind) {
    return Collections.frequency(layers, kind);
  }

  /** Width of queries and of the attention output: {@code heads * headDim}. */
  public int attentionWidth() {
    return heads * headDim;
  }

  /** Width of keys, and of values: {@code kvHeads * headDim}. */
  public int kvWidth() {
    return kvHeads * headDim;
  }

  /** Index of the layer whose scan output the GMUs read. */
  public OptionalInt memoryLayer() {
    return indexOf(LayerKind.MAMBA_MEMORY);
  }

  /** Index of the layer whose keys and values the cross-attention layers read. */
  public OptionalInt fullLayer() {
    return indexOf(LayerKind.FULL);
  }

  /**
   * Index of the last layer that keeps something of past tokens, if that is a full-attention layer:
   * tokens nobody wants logits of need only its keys and values, and nothing of the layers above.
   */
  public OptionalInt borderLayer() {
    for (int i = layers.size() - 1; i >= 0; i--) {
      if (layers.get(i).keepsState()) {
        return layers.get(i) == LayerKind.FULL ? OptionalInt.of(i) : OptionalInt.empty();
      }
    }
    return OptionalInt.empty();
  }

  /**
   * The rotary factors that a sequence of so many tokens takes, all of them together: the long ones
   * where it exceeds the original context of LongRoPE.
   */
  public RopeConfig.Factors ropeFactors(int totalTokens) {
    boolean isLong =
        rope != null
            && rope.longRope() != null
            && totalTokens > rope.longRope().originalPositions();
    return isLong ? RopeConfig.Factors.LONG : RopeConfig.Factors.SHORT;
  }

  private OptionalInt indexOf(LayerKind kind) {
    int index = layers.indexOf(kind);
    return index < 0 ? OptionalInt.empty() : OptionalInt.of(index);
  }

  /**
   * The order a decoder-hybrid-decoder needs: one memory at most, and one full-attention layer
   * where others read its keys and values, each before its readers, and after the first reader
   * nothing that keeps state (so that a prompt's tokens but the last may stop there).
   */
  private static void checkLayerOrder(List<LayerKind> layers) {
    for (int i = 0; i < layers.size(); i++) {
      LayerKind kind = layers.get(i);
      List<LayerKind> before = layers.subList(0, i);
      String field = "layer_kinds[" + i + "]";
      boolean crossDecoder = before.contains(LayerKind.GMU) || before.contains(LayerKind.CROSS);
      check(
          kind != LayerKind.GMU || before.contains(LayerKind.MAMBA_MEMORY),
          field,
          kind.configName(),
          "a mamba_mem layer before the first gmu");
      check(
          kind != LayerKind.CROSS || before.contains(LayerKind.FULL),
          field,
          kind.configName(),
          "a full layer before the first cross");
      check(
          kind != LayerKind.FULL
              || !before.contains(LayerKind.FULL)
              || !layers.contains(LayerKind.CROSS),
          field,
          kind.configName(),
          "at most one full layer for the cross layers to read");
      check(
          kind != LayerKind.MAMBA_MEMORY || !before.contains(LayerKind.MAMBA_MEMORY),
          field,
          kind.configName(),
          "at most one mamba_mem layer");
      check(
          !kind.keepsState() || !crossDecoder,
          field,
          kind.configName(),
          "gmu or cross after the first of these");
    }
  }

  private static void checkHeads(
      int heads, int kvHeads, int headDim, boolean differential, @Nullable RopeConfig rope) {
    check(
        heads % kvHeads == 0,
        "num_key_value_heads",
        kvHeads,
        "a divisor of num_attention_heads, " + heads);
    if (differential) {
      String even = "an even number, because differential attention works on pairs";
      check(heads % 2 == 0, "num_attention_heads", heads, even);
      check(kvHeads % 2 == 0, "num_key_value_heads", kvHeads, even);
    }
    if (rope != null) {
      check(
          rope.rotated() <= headDim,
          "the number of rotated features (partial_rotary_factor * head_dim)",
          rope.rotated(),
          "at most head_dim = " + headDim);
    }
  }

  static void range(String field, int value, int min, int max) {
    check(
        value >= min && value <= max,
        field,
        value,
        min == max ? "" + min : "an integer from " + min + " to " + max);
  }

  static void check(boolean holds, String field, Object value, String allowed) {
    if (!holds) {
      throw new IllegalArgumentException(field + " is " + value + ", expected " + allowed);
    }
  }
}
