package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.openjdk.jmh.annotations.Param;

/** RMSNorm of the residual stream of Phi-4-mini. */
public class RmsNormBenchmark extends OperationBenchmark {
  private static final int HIDDEN = 3072;

  @Param({"1", "128", "512"})
  public int rows;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  /** A square, a sum and two products a number, which is read and written. */
  @Override
  public Work work() {
    double numbers = (double) rows * HIDDEN;
    return new Work(2 * numbers * activations.bytes(), 4 * numbers, 0, 0);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Tensor x = Operands.tensor(backend, activations, turns.count * rows, HIDDEN);
    Tensor y = Operands.tensor(backend, activations, turns.count * rows, HIDDEN);
    Tensor weight = Operands.vector(backend, HIDDEN);
    return () -> {
      int first = turns.next() * rows;
      backend.rmsNorm(x.rows(first, first + rows), weight, 1e-5f, y.rows(first, first + rows));
    };
  }
}
