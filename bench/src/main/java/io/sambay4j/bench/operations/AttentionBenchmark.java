package io.sambay4j.bench.operations;

import io.sambay4j.backend.AttentionShape;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.openjdk.jmh.annotations.Param;

/** Grouped attention of Phi-4-mini. */
public class AttentionBenchmark extends OperationBenchmark {
  private static final int HEADS = 24;
  private static final int KV_HEADS = 8;
  private static final int HEAD_DIM = 128;
  private static final int KV_COLUMNS = KV_HEADS * HEAD_DIM;

  /** Queries. */
  @Param({"1", "128", "512"})
  public int rows;

  /** Keys before them. */
  @Param({"512", "4096", "32768"})
  public int context;

  /** 0: none. */
  @Param("0")
  public int window;

  @Param("BF16")
  public DType cached = DType.BF16;

  @Param("F32")
  public DType activations = DType.F32;

  /**
   * Each head takes a product with a key and one with a value, and an exponential. Keys and values
   * of the context come from memory, the chunk's own from a cache.
   */
  @Override
  public Work work() {
    double scores = HEADS * Cache.visibleKeys(context, rows, window);
    double bytes = 2.0 * Cache.cachedKeys(context, window) * KV_COLUMNS * cached.bytes();
    return new Work(bytes, scores * 4 * HEAD_DIM, 0, scores);
  }

  @Override
  Runnable prepare(Backend backend) {
    Turns turns = turns(work().bytes());
    Cache cache = new Cache(backend, cached, KV_COLUMNS, context + rows, turns.count);
    AttentionShape shape = new AttentionShape(HEADS, KV_HEADS, HEAD_DIM, window);
    Batch batch = Operands.sequence(rows, context, 0);
    Tensor q = Operands.tensor(backend, activations, rows, HEADS * HEAD_DIM);
    Tensor k = Operands.tensor(backend, activations, rows, KV_COLUMNS);
    Tensor v = Operands.tensor(backend, activations, rows, KV_COLUMNS);
    Tensor y = Operands.tensor(backend, activations, rows, HEADS * HEAD_DIM);
    return () -> backend.attention(batch, shape, q, k, v, cache.of(turns.next()), y);
  }
}
