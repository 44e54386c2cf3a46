package io.sambay4j.bench.operations;

import io.sambay4j.backend.AttentionShape;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backend.Differential;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Tensor;
import org.openjdk.jmh.annotations.Param;

/**
 * Differential attention of Phi-4-mini-flash: the full layer, and with {@code window=512} the
 * others.
 */
public class DiffAttentionBenchmark extends OperationBenchmark {
  private static final int HEADS = 40;
  private static final int KV_HEADS = 20;
  private static final int HEAD_DIM = 64;
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
   * Each head takes a product with a key of {@code headDim} and one with the joined values, twice
   * that, and an exponential. Keys and values of the context come from memory, the chunk's own from
   * a cache.
   */
  @Override
  public Work work() {
    double scores = HEADS * Cache.visibleKeys(context, rows, window);
    double bytes = 2.0 * Cache.cachedKeys(context, window) * KV_COLUMNS * cached.bytes();
    return new Work(bytes, scores * (2 * HEAD_DIM + 2 * 2 * HEAD_DIM), 0, scores);
  }

  @Override
  Work workOnCard() {
    Work work = work();
    boolean f32 = activations == DType.F32;
    double own = (2.0 * HEADS + 2 * KV_HEADS) * HEAD_DIM * rows * activations.bytes(); // q, y, k, v
    return new Work(
        work.bytes() + own,
        f32 ? work.f32Flops() : 0,
        f32 ? 0 : work.f32Flops(),
        work.exponentials());
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
    Differential differential =
        new Differential(0.5f, 0.2f, Operands.vector(backend, 2 * HEAD_DIM), 1e-5f);
    return () ->
        backend.diffAttention(batch, shape, differential, q, k, v, cache.of(turns.next()), y);
  }
}
