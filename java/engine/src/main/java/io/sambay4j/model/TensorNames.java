package io.sambay4j.model;

/**
 * How the tensors of a family are called. Methods that name a module give its prefix; {@code
 * ".weight"} and {@code ".bias"} follow.
 */
public final class TensorNames {
  private final boolean backbone; // converted Mamba
  private final boolean dense;

  private TensorNames(ModelFamily family) {
    this.backbone = family == ModelFamily.MAMBA;
    this.dense = family == ModelFamily.PHI3;
  }

  /** The names of a model. */
  public static TensorNames of(ModelConfig config) {
    return new TensorNames(config.family());
  }

  /** The token embedding, [vocab, hidden]. */
  public String embedding() {
    return backbone ? "backbone.embeddings" : "model.embed_tokens";
  }

  /** The head, [vocab, hidden]; in the files only where it is not tied to the embedding. */
  public String head() {
    return "lm_head";
  }

  /** The norm before the head. */
  public String finalNorm() {
    return backbone ? "backbone.norm_f" : dense ? "model.norm" : "model.final_layernorm";
  }

  /** The norm before a layer's mixer. */
  public String mixerNorm(int layer) {
    return layer(layer) + (backbone ? "norm" : "input_layernorm");
  }

  /** A layer's mixer, whatever its kind. */
  public String mixer(int layer) {
    return layer(layer) + (backbone ? "mixer" : dense ? "self_attn" : "attn");
  }

  /** An attention layer's projection to queries, keys and values. */
  public String qkv(int layer) {
    return mixer(layer) + (dense ? ".qkv_proj" : ".Wqkv");
  }

  /** An attention layer's projection back to the residual stream. */
  public String attentionOutput(int layer) {
    return mixer(layer) + (dense ? ".o_proj" : ".out_proj");
  }

  /** The norm before a layer's MLP. */
  public String mlpNorm(int layer) {
    return layer(layer) + "post_attention_layernorm";
  }

  /** An MLP's projection to gate and up. */
  public String gateUp(int layer) {
    return layer(layer) + (dense ? "mlp.gate_up_proj" : "mlp.fc1");
  }

  /** An MLP's projection back to the residual stream. */
  public String down(int layer) {
    return layer(layer) + (dense ? "mlp.down_proj" : "mlp.fc2");
  }

  private String layer(int layer) {
    return (backbone ? "backbone" : "model") + ".layers." + layer + ".";
  }
}
