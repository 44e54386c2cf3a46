package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.openjdk.jmh.annotations.Param;

/** The gated memory unit of Phi-4-mini-flash, plain and, as in research models, normalised. */
public class GmuBenchmark extends OperationBenchmark {
  private static final int INNER = 5120;

  @Param({"1", "128", "512"})
  public int rows;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  @Param({"false", "true"})
  public boolean normalised;

  /** Three operations and one exponential a number, four more for the norm. In place. */
  @Override
  public Work work() {
    double numbers = (double) rows * INNER;
    return new Work(3 * numbers * activations.bytes(), (normalised ? 7 : 3) * numbers, 0, numbers);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Tensor gate = Operands.tensor(backend, activations, turns.count * rows, INNER);
    Tensor memory = Operands.tensor(backend, activations, turns.count * rows, INNER);
    Tensor y = Operands.tensor(backend, activations, turns.count * rows, INNER);
    Tensor weight = normalised ? Operands.vector(backend, INNER) : null;
    return () -> {
      int first = turns.next() * rows;
      int end = first + rows;
      backend.gmu(
          gate.rows(first, end), memory.rows(first, end), weight, 1e-5f, 1, y.rows(first, end));
    };
  }
}
