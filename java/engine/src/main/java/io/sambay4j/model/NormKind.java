package io.sambay4j.model;

/** How the input of a mixer, of an MLP and of the head is normalised. */
public enum NormKind {
  /** Subtracts the mean, divides by the standard deviation; weight and bias. */
  LAYER_NORM("layernorm"),
  /** Divides by the root of the mean square; weight only. */
  RMS_NORM("rmsnorm");

  private final String configName;

  NormKind(String configName) {
    this.configName = configName;
  }

  /** The word for it in {@code norm_type} of {@code config.json}. */
  public String configName() {
    return configName;
  }
}
