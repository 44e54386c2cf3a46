package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Param;

/** Rows of the embedding of Phi-4-mini-flash, at random. */
public class EmbeddingBenchmark extends OperationBenchmark {
  private static final int HIDDEN = 2560;

  @Param({"1", "128", "512"})
  public int rows;

  @Param("200064")
  public int vocabulary;

  @Param("BF16")
  public DType weights = DType.BF16;

  @Param("F32")
  public DType activations = DType.F32;

  @Override
  public Work work() {
    return new Work((double) rows * HIDDEN * weights.bytes(), 0, 0, 0);
  }

  @Override
  Runnable prepare(Backend backend) {
    Weight table = Operands.weight(backend, weights, vocabulary, HIDDEN);
    Tensor y = Operands.tensor(backend, activations, rows, HIDDEN);
    SplittableRandom random = new SplittableRandom(2);
    int[] ids = new int[rows];
    return () -> {
      for (int i = 0; i < rows; i++) {
        ids[i] = random.nextInt(vocabulary);
      }
      backend.embedding(table, ids, y);
    };
  }
}
