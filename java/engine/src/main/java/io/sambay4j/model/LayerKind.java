package io.sambay4j.model;

import java.util.Optional;

/** What the mixer of a layer is; the MLP behind it is the same for all. */
public enum LayerKind {
  /** Selective state space (Gu and Dao 2023). Keeps a convolution tail and an SSM state. */
  MAMBA("mamba"),
  /** Sliding-window attention. Keeps the keys and values of the last window. */
  SWA("swa"),
  /** A Mamba layer whose ungated scan output is the memory of all GMUs. */
  MAMBA_MEMORY("mamba_mem"),
  /** Attention over all tokens; its keys and values serve the cross-attention layers, if any. */
  FULL("full"),
  /**
   * Gated memory unit (Ren et al. 2025) on the memory layer's output for the same token. Keeps
   * nothing.
   */
  GMU("gmu"),
  /**
   * Attention with its own queries on the keys and values of the full-attention layer. Keeps
   * nothing.
   */
  CROSS("cross");

  private final String configName;

  LayerKind(String configName) {
    this.configName = configName;
  }

  /** The word for it in {@code layer_kinds} of {@code config.json}. */
  public String configName() {
    return configName;
  }

  /** The kind of that configuration name. */
  public static Optional<LayerKind> of(String configName) {
    for (LayerKind kind : values()) {
      if (kind.configName.equals(configName)) {
        return Optional.of(kind);
      }
    }
    return Optional.empty();
  }

  /** Whether the layer scans: {@link #MAMBA} or {@link #MAMBA_MEMORY}. */
  public boolean isMamba() {
    return this == MAMBA || this == MAMBA_MEMORY;
  }

  /** Whether the layer attends: {@link #SWA}, {@link #FULL} or {@link #CROSS}. */
  public boolean isAttention() {
    return this == SWA || this == FULL || this == CROSS;
  }

  /** Whether something of past tokens is kept for the layer. */
  public boolean keepsState() {
    return this != GMU && this != CROSS;
  }
}
