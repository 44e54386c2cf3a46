package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import org.openjdk.jmh.annotations.Param;

/** The language-model head: y = x Wᵀ for the last token, over the whole vocabulary. */
public class LinearHeadBenchmark extends OperationBenchmark {
  private static final int HIDDEN = 2560;

  @Param("200064")
  public int vocabulary;

  @Param("BF16")
  public DType weights = DType.BF16;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  @Override
  public Work work() {
    return LinearWork.of(1, vocabulary, HIDDEN, weights, activations);
  }

  @Override
  Runnable prepare(Backend backend) {
    Weight head = Operands.weight(backend, weights, vocabulary, HIDDEN);
    Tensor x = Operands.tensor(backend, activations, 1, HIDDEN);
    Tensor logits = Operands.tensor(backend, DType.F32, 1, vocabulary);
    return () -> backend.linear(x, head, null, logits, false);
  }
}
