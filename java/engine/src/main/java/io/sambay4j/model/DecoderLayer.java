package io.sambay4j.model;

import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * One layer of the residual stream, whatever its mixer: h += mixer(norm(h)); h += mlp(norm(h)).
 * Plain Mamba has no second half.
 */
record DecoderLayer(
    Norm inputNorm, Mixer mixer, @Nullable Norm postAttentionNorm, @Nullable Mlp mlp) {

  void forward(Tensor h, @Nullable Tensor memory, Pass pass) {
    mixer.addTo(h, inputNorm, memory, pass);
    if (postAttentionNorm != null && mlp != null) {
      mlp.addTo(h, postAttentionNorm, pass);
    }
  }

  /**
   * The part of the full attention layer that every token needs: its keys and values in the shared
   * cache.
   */
  void appendKeysAndValues(Tensor h, Pass pass) {
    ((FullAttention) mixer).append(h, inputNorm, pass);
  }
}
