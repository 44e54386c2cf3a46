package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.openjdk.jmh.annotations.Param;

/** LayerNorm of the residual stream of Phi-4-mini-flash, which is f32. */
public class LayerNormBenchmark extends OperationBenchmark {
  private static final int HIDDEN = 2560;

  @Param({"1", "128", "512"})
  public int rows;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  /** Mean, variance and result: 6 operations a number, which is read as f32 and written. */
  @Override
  public Work work() {
    double numbers = (double) rows * HIDDEN;
    return new Work(numbers * (DType.F32.bytes() + activations.bytes()), 6 * numbers, 0, 0);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Tensor x = Operands.tensor(backend, DType.F32, turns.count * rows, HIDDEN);
    Tensor y = Operands.tensor(backend, activations, turns.count * rows, HIDDEN);
    Tensor weight = Operands.vector(backend, HIDDEN);
    Tensor bias = Operands.vector(backend, HIDDEN);
    return () -> {
      int first = turns.next() * rows;
      backend.layerNorm(
          x.rows(first, first + rows), weight, bias, 1e-5f, y.rows(first, first + rows));
    };
  }
}
