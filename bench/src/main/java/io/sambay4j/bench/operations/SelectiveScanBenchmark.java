package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backend.ScanArgs;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.openjdk.jmh.annotations.Param;

/** The scan of a Mamba layer of Phi-4-mini-flash, gate included. */
public class SelectiveScanBenchmark extends OperationBenchmark {
  private static final int INNER = 5120;
  private static final int STATE = 16;

  @Param({"1", "128", "512"})
  public int rows;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  /**
   * A state and channel takes an exponential and 6 operations, a channel two exponentials more
   * (softplus and SiLU). The state is read and written, the matrix a read; activations are in a
   * cache.
   */
  @Override
  public Work work() {
    double channels = (double) rows * INNER;
    double bytes = 3.0 * STATE * INNER * DType.F32.bytes();
    return new Work(bytes, 6 * STATE * channels, 0, (STATE + 2) * channels);
  }

  @Override
  Work workOnCard() {
    Work work = work();
    double own = (4.0 * INNER + 2 * STATE) * rows * activations.bytes(); // x, delta, z, y, b, c
    return new Work(work.bytes() + own, work.f32Flops(), 0, work.exponentials());
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Tensor x = Operands.tensor(backend, activations, rows, INNER);
    Tensor delta = Operands.tensor(backend, activations, rows, INNER);
    Tensor z = Operands.tensor(backend, activations, rows, INNER);
    Tensor y = Operands.tensor(backend, activations, rows, INNER);
    Tensor b = Operands.tensor(backend, activations, rows, STATE);
    Tensor c = Operands.tensor(backend, activations, rows, STATE);
    Tensor bias = Operands.vector(backend, INNER);
    Tensor d = Operands.vector(backend, INNER);
    Tensor a = decays(backend, turns.count);
    Tensor state = Operands.tensor(backend, DType.F32, turns.count * STATE, INNER);
    return () -> {
      int turn = turns.next();
      Tensor ownA = a.rows(turn * STATE, (turn + 1) * STATE);
      backend.selectiveScan(
          Operands.sequence(rows, 1000, turn),
          new ScanArgs(x, delta, bias, ownA, b, c, d, z, state, y, null));
    };
  }

  /** Below zero, so that the state decays: [copies * state, inner]. */
  private static Tensor decays(Backend backend, int copies) {
    Tensor a = backend.allocate(DType.F32, copies * STATE, INNER);
    float[] values = Operands.random(STATE * INNER);
    for (int i = 0; i < values.length; i++) {
      values[i] = -1.5f + values[i];
    }
    for (int copy = 0; copy < copies; copy++) {
      backend.upload(values, 0, a.rows(copy * STATE, (copy + 1) * STATE));
    }
    return a;
  }
}
