package io.sambay4j.model;

import io.sambay4j.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * LayerNorm (with bias) or RMSNorm (without) over the features of each row.
 *
 * @param weight [1, features] f32
 * @param bias [1, features] f32; null makes it an RMSNorm
 * @param eps added to the variance or mean square
 */
record Norm(Tensor weight, @Nullable Tensor bias, float eps) {
  /** y = norm(x); y may have another dtype than x. */
  void apply(Tensor x, Tensor y, Pass pass) {
    if (bias == null) {
      pass.backend().rmsNorm(x, weight, eps, y);
    } else {
      pass.backend().layerNorm(x, weight, bias, eps, y);
    }
  }
}
