package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.openjdk.jmh.annotations.Param;

/** Keys and values of one layer of Phi-4-mini-flash on their way into the cache. */
public class KvAppendBenchmark extends OperationBenchmark {
  private static final int KV_COLUMNS = 20 * 64;

  @Param({"1", "128", "512"})
  public int rows;

  @Param("BF16")
  public DType cached = DType.BF16;

  @Param({"F32", "BF16"})
  public DType activations = DType.F32;

  /** What is written; the new rows come from a cache. */
  @Override
  public Work work() {
    return new Work(2.0 * rows * KV_COLUMNS * cached.bytes(), 0, 0, 0);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Cache cache = new Cache(backend, cached, KV_COLUMNS, turns.count * rows, 1);
    Tensor k = Operands.tensor(backend, activations, rows, KV_COLUMNS);
    Tensor v = Operands.tensor(backend, activations, rows, KV_COLUMNS);
    return () ->
        backend.kvAppend(Operands.sequence(rows, turns.next() * rows, 0), k, v, cache.of(0));
  }
}
