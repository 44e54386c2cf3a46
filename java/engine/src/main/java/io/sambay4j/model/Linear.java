package io.sambay4j.model;

import io.sambay4j.backend.Backend.Epilogue;
import io.sambay4j.backend.Backend.LinearArgs;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import org.jspecify.annotations.Nullable;

/**
 * y = x Wᵀ + bias, with the norm before it and the gate or the residual connection after it, all in
 * one call: what would lie between them is never stored.
 *
 * @param weight [outputs, inputs]
 * @param bias [1, outputs] f32, or null
 */
record Linear(Weight weight, @Nullable Tensor bias) {
  /**
   * Products of bf16 rows with bf16 weights round in another way from the next row on where the
   * processor multiplies pairs of them.
   */
  private static final int ROWS_ALIKE = 48;

  /** y = x Wᵀ + bias. */
  void apply(Tensor x, Tensor y, Pass pass) {
    run(null, x, Epilogue.STORE, null, y, pass);
  }

  /** y = norm(x) Wᵀ + bias. */
  void apply(Norm norm, Tensor x, Tensor y, Pass pass) {
    run(norm, x, Epilogue.STORE, null, y, pass);
  }

  /** h += x Wᵀ + bias: the product goes straight into the residual stream. */
  void addTo(Tensor h, Tensor x, Pass pass) {
    run(null, x, Epilogue.ACCUMULATE, null, h, pass);
  }

  /** y = silu(gate) ⊙ up, [gate | up] = norm(x) Wᵀ + bias. */
  void swiglu(Norm norm, Tensor x, Tensor y, Pass pass) {
    run(norm, x, Epilogue.SWIGLU, null, y, pass);
  }

  /** y = silu(norm(x) Wᵀ + bias) ⊙ memory. */
  void gate(Norm norm, Tensor x, Tensor memory, Tensor y, Pass pass) {
    run(norm, x, Epilogue.GMU, memory, y, pass);
  }

  private void run(
      @Nullable Norm norm,
      Tensor x,
      Epilogue epilogue,
      @Nullable Tensor memory,
      Tensor y,
      Pass pass) {
    int rows = x.rows();
    int most = pass.deterministic() && multipliesPairs(norm, x) ? ROWS_ALIKE : rows;
    for (int from = 0; from < rows; from += most) {
      int to = Math.min(rows, from + most);
      pass.backend()
          .linear(
              new LinearArgs(
                  x.rows(from, to),
                  norm,
                  weight,
                  bias,
                  epilogue,
                  memory == null ? null : memory.rows(from, to),
                  y.rows(from, to)));
    }
  }

  private boolean multipliesPairs(@Nullable Norm norm, Tensor x) {
    return weight.dtype() == DType.BF16 && (norm == null ? x.dtype() : norm.dtype()) == DType.BF16;
  }
}
