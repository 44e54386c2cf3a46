package io.sambay4j.model;

import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/** What a layer does between its norm and the residual stream. */
sealed interface Mixer
    permits MambaMixer, SelfAttention, FullAttention, GatedMemoryUnit, CrossAttention {
  /**
   * h += mixer(x).
   *
   * @param h [rows, hidden] f32: the residual stream
   * @param x [rows, hidden]: its norm
   * @param memory [rows, inner]: the shared memory, written by the layer that makes it and read by
   *     the GMUs; null in models without
   */
  void addTo(Tensor h, Tensor x, @Nullable Tensor memory, Pass pass);
}
