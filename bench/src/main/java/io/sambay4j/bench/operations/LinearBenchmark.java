package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import org.openjdk.jmh.annotations.Param;

/**
 * y = x Wᵀ for the matrices of a layer of Phi-4-mini-flash. Weights come from memory, x from a
 * cache.
 */
public class LinearBenchmark extends OperationBenchmark {

  /** The matrices of a layer: [outputs, inputs]. */
  public enum Matrix {
    MLP_FC1(20480, 2560),
    MLP_FC2(2560, 10240),
    MAMBA_IN(10240, 2560),
    MAMBA_X(192, 5120),
    MAMBA_DT(5120, 160),
    MAMBA_OUT(2560, 5120),
    /** The queries, keys and values; also the first matrix of a GMU. */
    QKV(5120, 2560),
    ATTENTION_OUT(2560, 2560);

    final int outputs;
    final int inputs;

    Matrix(int outputs, int inputs) {
      this.outputs = outputs;
      this.inputs = inputs;
    }
  }

  @Param public Matrix matrix = Matrix.MLP_FC1;

  @Param({"1", "128", "512"})
  public int rows;

  @Param("BF16")
  public DType weights = DType.BF16;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  @Override
  public Work work() {
    return LinearWork.of(rows, matrix.outputs, matrix.inputs, weights, activations);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Weight[] copies = new Weight[turns.count];
    for (int i = 0; i < copies.length; i++) {
      copies[i] = Operands.weight(backend, weights, matrix.outputs, matrix.inputs);
    }
    Tensor x = Operands.tensor(backend, activations, rows, matrix.inputs);
    Tensor y = Operands.tensor(backend, activations, rows, matrix.outputs);
    return () -> backend.linear(x, copies[turns.next()], null, y, false);
  }
}
