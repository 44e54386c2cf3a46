package io.sambay4j.model;

import io.sambay4j.backend.Tensor;

/**
 * SwiGLU feed-forward (Shazeer 2020): fc2 · (silu(gate) ⊙ up), [gate | up] = fc1 · x.
 *
 * @param fc1 [2 * intermediate, hidden]: gate first
 * @param fc2 [hidden, intermediate]
 */
record Mlp(Linear fc1, Linear fc2) {
  /** h += mlp(x). */
  void addTo(Tensor h, Tensor x, Pass pass) {
    Tensor gateUp = pass.work().gateUp().rows(0, h.rows());
    fc1.apply(x, gateUp, pass);
    Tensor y = pass.work().mlp().rows(0, h.rows());
    pass.backend().swiglu(gateUp, y);
    fc2.addTo(h, y, pass);
  }
}
