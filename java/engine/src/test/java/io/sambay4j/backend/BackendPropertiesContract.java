package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.fail;

import io.sambay4j.backend.Backend.Differential;
import io.sambay4j.backend.Backend.ScanArgs;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What must hold of any backend by itself: the same result on two ways. Random numbers; the seed is
 * part of every failure, and {@code -Dsambay.seed=N} repeats it.
 */
abstract class BackendPropertiesContract {
  private static final int TOKENS = 24;
  private static final int INNER = 33;
  private static final int STATES = 16;
  private static final AttentionShape FULL = new AttentionShape(4, 2, 16, 0);
  private static final int Q_WIDTH = 64;
  private static final int KV_WIDTH = 32;

  private final long seed = Long.getLong("sambay.seed", new Random().nextLong());
  private final Random random = new Random(seed);

  @SuppressWarnings("NullAway.Init")
  private Backend backend;

  abstract Backend open();

  @BeforeEach
  void openBackend() {
    backend = open();
  }

  @AfterEach
  void closeBackend() {
    if (backend != null) { // else skipped
      backend.close();
    }
  }

  /** State carried from chunk to chunk: pieces of any size give what one piece gives. */
  @Test
  void scanningInPiecesEqualsScanningAtOnce() {
    Mamba mamba = new Mamba();
    Tensor whole = backend.allocate(DType.F32, TOKENS, INNER);
    mamba.run(0, TOKENS, 0, mamba.tail(1), mamba.state(1), whole);
    for (int round = 0; round < 10; round++) {
      Tensor pieces = backend.allocate(DType.F32, TOKENS, INNER);
      Tensor tail = mamba.tail(1);
      Tensor state = mamba.state(1);
      int start = 0;
      while (start < TOKENS) {
        int end = start + 1 + random.nextInt(TOKENS - start);
        mamba.run(start, end, 0, tail, state, pieces);
        start = end;
      }
      assertNear("pieces", pieces, whole);
    }
  }

  @Test
  void aSequenceDoesNotDependOnItsNeighboursOrSlot() {
    Mamba mamba = new Mamba();
    Batch together =
        new Batch(new int[] {0, 5, 14, TOKENS}, new int[] {3, 1, 0}, new int[] {0, 0, 0});
    Tensor y = mamba.run(together, 0, TOKENS, mamba.tail(4), mamba.state(4));
    Batch single = new Batch(new int[] {0, 9}, new int[] {0}, new int[] {0});
    Tensor alone = mamba.run(single, 5, 14, mamba.tail(1), mamba.state(1));
    assertNear("neighbours", y.rows(5, 14), alone);
  }

  @Test
  void aWindowAsLongAsTheSequenceEqualsFullAttention() {
    Attention a = new Attention();
    AttentionShape windowed = new AttentionShape(4, 2, 16, TOKENS);
    assertNear("window", a.attend(windowed), a.attend(FULL));
  }

  @Test
  void attendingToTheOwnCacheEqualsAttendingToTheChunk() {
    Attention a = new Attention();
    backend.kvAppend(a.batch, a.k, a.v, a.cache);
    Tensor y = backend.allocate(DType.F32, TOKENS, Q_WIDTH);
    backend.attention(a.batch, FULL, a.q, null, null, a.cache, y);
    assertNear("own cache", y, a.attend(FULL));
  }

  @Test
  void decodingAfterPrefillEqualsPrefillOneLonger() {
    Attention a = new Attention();
    backend.kvAppend(a.batch, a.k, a.v, a.cache);
    int last = TOKENS - 1;
    Batch step = new Batch(new int[] {0, 1}, new int[] {0}, new int[] {last});
    Tensor y = backend.allocate(DType.F32, 1, Q_WIDTH);
    Tensor q = a.q.rows(last, TOKENS);
    backend.attention(step, FULL, q, a.k.rows(last, TOKENS), a.v.rows(last, TOKENS), a.cache, y);
    assertNear("decode", y, a.attend(FULL).rows(last, TOKENS));
  }

  /** With lambda 0 a pair is ordinary attention of its first query over its first keys. */
  @Test
  void lambdaZeroEqualsOrdinaryAttention() {
    Attention a = new Attention();
    AttentionShape pairs = new AttentionShape(4, 2, 16, 0);
    Tensor ones = backend.allocate(DType.F32, 1, 32);
    float[] one = new float[32];
    Arrays.fill(one, 1);
    backend.upload(one, 0, ones);
    Tensor differential = backend.allocate(DType.F32, TOKENS, Q_WIDTH);
    backend.diffAttention(
        a.batch, pairs, new Differential(0, 1, ones, 1e-5f), a.q, a.k, a.v, null, differential);
    Tensor firstKey = a.k.cols(0, 16);
    AttentionShape single = new AttentionShape(1, 1, 16, 0);
    for (int pair = 0; pair < 2; pair++) {
      Tensor joined = backend.allocate(DType.F32, TOKENS, 32);
      for (int half = 0; half < 2; half++) {
        backend.attention(
            a.batch,
            single,
            a.q.cols(32 * pair, 32 * pair + 16),
            firstKey,
            a.v.cols(16 * half, 16 * half + 16),
            null,
            joined.cols(16 * half, 16 * half + 16));
      }
      backend.rmsNorm(joined, ones, 1e-5f, joined);
      assertNear("pair " + pair, differential.cols(32 * pair, 32 * pair + 32), joined);
    }
  }

  private final class Mamba {
    final Tensor x = random(TOKENS, INNER);
    final Tensor delta = random(TOKENS, INNER);
    final Tensor a = backend.allocate(DType.F32, STATES, INNER);
    final Tensor b = random(TOKENS, STATES);
    final Tensor c = random(TOKENS, STATES);
    final Tensor weight = random(4, INNER);

    Mamba() {
      float[] values = new float[STATES * INNER];
      for (int i = 0; i < values.length; i++) {
        values[i] = -random.nextFloat();
      }
      backend.upload(values, 0, a);
    }

    Tensor tail(int slots) {
      return random(slots * 3, INNER); // whatever is left of an earlier sequence
    }

    Tensor state(int slots) {
      return random(slots * STATES, INNER);
    }

    void run(int start, int end, int slot, Tensor tail, Tensor state, Tensor y) {
      Batch batch = new Batch(new int[] {0, end - start}, new int[] {slot}, new int[] {start});
      backend.copy(run(batch, start, end, tail, state), y.rows(start, end));
    }

    Tensor run(Batch batch, int start, int end, Tensor tail, Tensor state) {
      Tensor conv = backend.allocate(DType.F32, end - start, INNER);
      Tensor y = backend.allocate(DType.F32, end - start, INNER);
      backend.causalConv1d(batch, x.rows(start, end), weight, null, tail, conv);
      backend.selectiveScan(
          batch,
          new ScanArgs(
              conv,
              delta.rows(start, end),
              null,
              a,
              b.rows(start, end),
              c.rows(start, end),
              null,
              null,
              state,
              y,
              null));
      return y;
    }
  }

  private final class Attention {
    final Batch batch = new Batch(new int[] {0, TOKENS}, new int[] {0}, new int[] {0});
    final Tensor q = random(TOKENS, Q_WIDTH);
    final Tensor k = random(TOKENS, KV_WIDTH);
    final Tensor v = random(TOKENS, KV_WIDTH);
    final KeyValueView cache =
        new KeyValueView(
            backend.allocate(DType.F32, 32, KV_WIDTH),
            backend.allocate(DType.F32, 32, KV_WIDTH),
            8,
            3,
            new int[] {2, 0, 3});

    Tensor attend(AttentionShape shape) {
      Tensor y = backend.allocate(DType.F32, TOKENS, Q_WIDTH);
      backend.attention(batch, shape, q, k, v, null, y);
      return y;
    }
  }

  private Tensor random(int rows, int cols) {
    float[] values = new float[rows * cols];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor tensor = backend.allocate(DType.F32, rows, cols);
    backend.upload(values, 0, tensor);
    return tensor;
  }

  /** Within 1e-5 of the largest number: the order of a sum may differ. */
  private void assertNear(String what, Tensor got, Tensor want) {
    float[] left = new float[got.rows() * got.cols()];
    float[] right = new float[want.rows() * want.cols()];
    backend.download(got, left, 0);
    backend.download(want, right, 0);
    double largest = 0;
    for (float value : right) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (int i = 0; i < right.length; i++) {
      if (!(Math.abs(left[i] - right[i]) <= 1e-5 * largest)) {
        fail(
            "%s: %s at %d, expected %s; -Dsambay.seed=%d"
                .formatted(what, left[i], i, right[i], seed));
      }
    }
  }
}
