package io.sambay4j.model;

import java.util.Locale;

/** Parts of a model that parameters are counted by. */
public enum ModelPart {
  /** Token embedding, and head where it is tied to it. */
  EMBEDDING,
  /** A head of its own. */
  HEAD,
  MAMBA,
  ATTENTION,
  GMU,
  MLP,
  /** Norms of the residual stream; those inside a mixer count with the mixer. */
  NORMS;

  /** The part in lower case, as tables print it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
