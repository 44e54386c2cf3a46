package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import java.util.Arrays;
import org.openjdk.jmh.annotations.Param;

/** Rotary embedding of the queries of Phi-4-mini, 96 of 128 features of each head, in place. */
public class RopeBenchmark extends OperationBenchmark {
  private static final int HEADS = 24;
  private static final int HEAD_DIM = 128;
  private static final int ROTATED = 96;

  @Param({"1", "128", "512"})
  public int rows;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  /** Two products and a sum for each rotated number, which is read and written. */
  @Override
  public Work work() {
    double numbers = (double) rows * HEADS * ROTATED;
    return new Work(2 * numbers * activations.bytes(), 3 * numbers, 0, 0);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Tensor x = Operands.tensor(backend, activations, turns.count * rows, HEADS * HEAD_DIM);
    // Angles of one radian: a rotation keeps the size of a number however often it is repeated.
    Tensor cos = backend.allocate(DType.F32, rows, ROTATED / 2);
    Tensor sin = backend.allocate(DType.F32, rows, ROTATED / 2);
    float[] table = new float[rows * ROTATED / 2];
    Arrays.fill(table, (float) Math.cos(1));
    backend.upload(table, 0, cos);
    Arrays.fill(table, (float) Math.sin(1));
    backend.upload(table, 0, sin);
    Batch batch = Operands.sequence(rows, 0, 0);
    return () -> {
      int first = turns.next() * rows;
      backend.rope(batch, x.rows(first, first + rows), cos, sin, HEAD_DIM);
    };
  }
}
