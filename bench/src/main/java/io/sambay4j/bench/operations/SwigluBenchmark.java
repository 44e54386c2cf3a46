package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.openjdk.jmh.annotations.Param;

/** The gate of the MLP of Phi-4-mini-flash. */
public class SwigluBenchmark extends OperationBenchmark {
  private static final int INTERMEDIATE = 10240;

  @Param({"1", "128", "512"})
  public int rows;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  /** Three operations and one exponential a number; two are read for each that is written. */
  @Override
  public Work work() {
    double numbers = (double) rows * INTERMEDIATE;
    return new Work(3 * numbers * activations.bytes(), 3 * numbers, 0, numbers);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Tensor gateUp = Operands.tensor(backend, activations, turns.count * rows, 2 * INTERMEDIATE);
    Tensor y = Operands.tensor(backend, activations, turns.count * rows, INTERMEDIATE);
    return () -> {
      int first = turns.next() * rows;
      backend.swiglu(gateUp.rows(first, first + rows), y.rows(first, first + rows));
    };
  }
}
