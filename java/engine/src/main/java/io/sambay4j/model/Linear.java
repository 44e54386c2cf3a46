package io.sambay4j.model;

import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import org.jspecify.annotations.Nullable;

/**
 * y = x Wᵀ + bias.
 *
 * @param weight [outputs, inputs]
 * @param bias [1, outputs] f32, or null
 */
record Linear(Weight weight, @Nullable Tensor bias) {
  /** y = x Wᵀ + bias. */
  void apply(Tensor x, Tensor y, Pass pass) {
    pass.backend().linear(x, weight, bias, y, false);
  }

  /** h += x Wᵀ + bias: the product goes straight into the residual stream. */
  void addTo(Tensor h, Tensor x, Pass pass) {
    pass.backend().linear(x, weight, bias, h, true);
  }
}
