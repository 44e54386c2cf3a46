package io.sambay4j.model;

import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/** The half of a layer that looks at other tokens, or at what earlier layers left of this one. */
sealed interface Mixer
    permits MambaMixer, WindowAttention, FullAttention, GatedMemoryUnit, CrossAttention {
  /**
   * h += mixer(norm(h)).
   *
   * @param h [rows, hidden] f32: the residual stream
   * @param norm the layer's first norm
   * @param memory [rows, inner]: the shared memory, written by the layer that makes it and read by
   *     the GMUs; null in models without
   */
  void addTo(Tensor h, Norm norm, @Nullable Tensor memory, Pass pass);
}
