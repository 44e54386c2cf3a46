package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.openjdk.jmh.annotations.Param;

/** The convolution of a Mamba layer of Phi-4-mini-flash, its SiLU included. */
public class CausalConv1dBenchmark extends OperationBenchmark {
  private static final int INNER = 5120;
  private static final int TAPS = 4;

  @Param({"1", "128", "512"})
  public int rows;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  /** Four products and a SiLU a number; x and the tail are read, y and the tail written. */
  @Override
  public Work work() {
    double numbers = (double) rows * INNER;
    double moved = 2 * (rows + TAPS - 1.0) * INNER;
    return new Work(moved * activations.bytes(), (2 * TAPS + 2) * numbers, 0, numbers);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Tensor x = Operands.tensor(backend, activations, turns.count * rows, INNER);
    Tensor y = Operands.tensor(backend, activations, turns.count * rows, INNER);
    Tensor tail = Operands.tensor(backend, activations, turns.count * (TAPS - 1), INNER);
    Tensor weight = Operands.tensor(backend, DType.F32, TAPS, INNER);
    Tensor bias = Operands.vector(backend, INNER);
    return () -> {
      int turn = turns.next();
      int first = turn * rows;
      Batch batch = Operands.sequence(rows, 1000, turn);
      backend.causalConv1d(
          batch, x.rows(first, first + rows), weight, bias, tail, y.rows(first, first + rows));
    };
  }
}
