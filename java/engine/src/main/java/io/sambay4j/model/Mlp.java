package io.sambay4j.model;

import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;

/**
 * SwiGLU feed-forward (Shazeer 2020): fc2 · (silu(gate) ⊙ up), [gate | up] = fc1 · x.
 *
 * @param fc1 [2 * intermediate, hidden]: gate first
 * @param fc2 [hidden, intermediate]
 */
record Mlp(Linear fc1, Linear fc2) {
  /** h += mlp(norm(h)). */
  void addTo(Tensor h, Norm norm, Pass pass) {
    Tensor y = pass.work().mlp().rows(0, h.rows()); // [rows, intermediate]
    fc1.swiglu(norm, h, y, pass);
    fc2.addTo(h, y, pass);
  }
}
