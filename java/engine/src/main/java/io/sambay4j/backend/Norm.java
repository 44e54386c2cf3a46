package io.sambay4j.backend;

import org.jspecify.annotations.Nullable;

/**
 * LayerNorm (with bias) or RMSNorm (without) over the features of each row, in front of a matrix
 * product; see {@code sy_norm}.
 *
 * @param weight [1, features] f32
 * @param bias [1, features] f32; null makes it an RMSNorm
 * @param eps added to the variance or mean square
 * @param dtype what the normed row is rounded to before it is multiplied
 */
public record Norm(Tensor weight, @Nullable Tensor bias, float eps, DType dtype) {
  /** y = norm(x), alone; y may have any dtype. */
  public void apply(Backend backend, Tensor x, Tensor y) {
    if (bias == null) {
      backend.rmsNorm(x, weight, eps, y);
    } else {
      backend.layerNorm(x, weight, bias, eps, y);
    }
  }
}
