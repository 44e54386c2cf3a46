package io.sambay4j.model;

/**
 * How the tensors of a family are called. Methods that name a module give its prefix; {@code
 * ".weight"} and {@code ".bias"} follow.
 */
public final class TensorNames {
  private final boolean backbone;

  private TensorNames(boolean backbone) {
    this.backbone = backbone;
  }

  /** The names of a model. */
  public static TensorNames of(ModelConfig config) {
    return new TensorNames(config.family() == ModelFamily.MAMBA);
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
    return backbone ? "backbone.norm_f" : "model.final_layernorm";
  }

  /** The norm before a layer's mixer. */
  public String mixerNorm(int layer) {
    return layer(layer) + (backbone ? "norm" : "input_layernorm");
  }

  /** A layer's mixer, whatever its kind. */
  public String mixer(int layer) {
    return layer(layer) + (backbone ? "mixer" : "attn");
  }

  /** The norm before a layer's MLP. */
  public String mlpNorm(int layer) {
    return layer(layer) + "post_attention_layernorm";
  }

  /** A layer's MLP. */
  public String mlp(int layer) {
    return layer(layer) + "mlp";
  }

  private String layer(int layer) {
    return (backbone ? "backbone" : "model") + ".layers." + layer + ".";
  }
}
