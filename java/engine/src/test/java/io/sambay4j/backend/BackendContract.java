package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.sambay4j.backend.Backend.Differential;
import io.sambay4j.backend.Backend.Epilogue;
import io.sambay4j.backend.Backend.LinearArgs;
import io.sambay4j.backend.Backend.ScanArgs;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every operation of a backend equals the reference on random arguments: every storage format,
 * views into larger matrices, sequences of unequal length in slots out of order, both kinds of
 * cache. What lies around a view must stay as it was.
 *
 * <p>The seed is part of every failure; {@code -Dsambay.seed=N} repeats it.
 */
abstract class BackendContract {
  private static final int ROUNDS = 12;
  private static final float EPS = 1e-5f;

  private final long seed = Long.getLong("sambay.seed", new Random().nextLong());
  private final Random random = new Random(seed);

  @SuppressWarnings("NullAway.Init")
  private Side tested;

  @SuppressWarnings("NullAway.Init")
  private Side reference;

  @SuppressWarnings("NullAway.Init")
  private List<Side> sides;

  private final List<Twin> twins = new ArrayList<>();

  abstract Backend open();

  @BeforeEach
  void openBackends() {
    tested = new Side(open(), true);
    reference = new Side(new ReferenceBackend(), false);
    sides = List.of(tested, reference);
  }

  @AfterEach
  void closeBackends() {
    if (sides != null) { // else skipped
      sides.forEach(side -> side.backend.close());
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void linear(DType dtype) {
    for (DType weights : DType.ofTensors()) {
      for (int round = 0; round < ROUNDS; round++) {
        int tokens = 1 + random.nextInt(40);
        int inputs = 1 + random.nextInt(200);
        int outputs = 1 + random.nextInt(120);
        Twin x = random(dtype, tokens, inputs);
        Twin bias = random.nextBoolean() ? null : vector(outputs);
        Twin y = random(any(), tokens, outputs);
        boolean accumulate = random.nextBoolean();
        TwinWeight w = weight(weights, outputs, inputs);
        for (Side side : sides) {
          side.backend.linear(side.of(x), side.of(w), side.orNull(bias), side.of(y), accumulate);
        }
        assertSame("linear, %s weights, accumulate %s".formatted(weights, accumulate));
        w.close();
      }
    }
  }

  /**
   * Every epilogue behind no norm, an RMSNorm or a LayerNorm. Where the normed row, or on some
   * devices the product before its gate, is rounded to 16 bits, some element may fall to either
   * side; there the whole is compared.
   */
  @ParameterizedTest
  @EnumSource
  void linearWithWhatStandsAroundIt(Epilogue epilogue) {
    for (DType weights : DType.ofTensors()) {
      for (int round = 0; round < ROUNDS; round++) {
        boolean halves = epilogue == Epilogue.SWIGLU;
        int normKind = random.nextInt(3);
        DType normed = normKind == 0 ? DType.F32 : any();
        DType result = any();
        boolean gates = halves || epilogue == Epilogue.GMU;
        boolean rounds = normed != DType.F32 || (gates && result != DType.F32);
        int tokens = (rounds ? 8 : 1) + random.nextInt(40);
        int inputs = 2 + random.nextInt(200);
        int features = (rounds ? 8 : 1) + random.nextInt(100);
        int outputs = halves ? 2 * features : features;
        Twin x = random(any(), tokens, inputs);
        Twin normWeight = vector(inputs);
        Twin normBias = normKind == 2 ? vector(inputs) : null;
        Twin bias = random.nextBoolean() ? null : vector(outputs);
        Twin memory = epilogue == Epilogue.GMU ? random(any(), tokens, outputs) : null;
        Twin y = random(result, tokens, features);
        TwinWeight w = weight(weights, outputs, inputs);
        for (Side side : sides) {
          Norm norm =
              normKind == 0
                  ? null
                  : new Norm(side.of(normWeight), side.orNull(normBias), EPS, normed);
          side.backend.linear(
              new LinearArgs(
                  side.of(x),
                  norm,
                  side.of(w),
                  side.orNull(bias),
                  epilogue,
                  side.orNull(memory),
                  side.of(y)));
        }
        String norm = normKind == 0 ? "no norm" : "norm to " + normed;
        String what = "linear, %s weights, %s, %s".formatted(weights, norm, epilogue);
        if (rounds) {
          assertCloseAsAWhole(what, y);
        } else {
          assertSame(what);
        }
        w.close();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void embedding(DType dtype) {
    TwinWeight table = weight(dtype, 37, 19);
    Twin y = random(any(), 9, 19);
    int[] ids = random.ints(9, 0, 37).toArray();
    for (Side side : sides) {
      side.backend.embedding(side.of(table), ids, side.of(y));
    }
    assertSame("embedding");
    table.close();
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void movingRows(DType dtype) {
    Twin x = random(dtype, 11, 23);
    Twin gathered = random(dtype, 7, 23);
    Twin copied = random(any(), 11, 23);
    Twin cleared = random(dtype, 5, 6);
    int[] rows = random.ints(7, 0, 11).toArray();
    for (Side side : sides) {
      side.backend.gatherRows(side.of(x), rows, side.of(gathered));
      side.backend.copy(side.of(x), side.of(copied));
      side.backend.zero(side.of(cleared));
    }
    assertSame("gatherRows, copy, zero");
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void norms(DType dtype) {
    for (int round = 0; round < ROUNDS; round++) {
      int tokens = 1 + random.nextInt(20);
      int features = 2 + random.nextInt(150);
      Twin x = random(dtype, tokens, features);
      Twin weight = vector(features);
      Twin bias = vector(features);
      Twin layer = random(any(), tokens, features);
      Twin rms = random(any(), tokens, features);
      for (Side side : sides) {
        side.backend.layerNorm(side.of(x), side.of(weight), side.of(bias), EPS, side.of(layer));
        side.backend.rmsNorm(side.of(x), side.of(weight), EPS, side.of(rms));
      }
      compare("layerNorm, rmsNorm");
      Twin inPlace = random(dtype, tokens, features);
      for (Side side : sides) {
        Tensor y = side.of(inPlace);
        side.backend.layerNorm(y, side.of(weight), side.of(bias), EPS, y);
      }
      assertSame("layerNorm in place");
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void gates(DType dtype) {
    for (int round = 0; round < ROUNDS; round++) {
      int tokens = 1 + random.nextInt(20);
      int groups = 1 + random.nextInt(3);
      int features = groups * (1 + random.nextInt(50));
      Twin gateUp = random(dtype, tokens, 2 * features);
      Twin memory = random(any(), tokens, features);
      Twin norm = random.nextBoolean() ? null : vector(features);
      Twin swiglu = random(any(), tokens, features);
      Twin gmu = random(any(), tokens, features);
      for (Side side : sides) {
        side.backend.swiglu(side.of(gateUp), side.of(swiglu));
        Tensor gate = side.of(gateUp).cols(0, features); // columns of a wider matrix
        side.backend.gmu(gate, side.of(memory), side.orNull(norm), EPS, groups, side.of(gmu));
      }
      compare("swiglu, gmu");
      for (Side side : sides) {
        Tensor gate = side.of(gateUp).cols(0, features);
        side.backend.gmu(gate, side.of(memory), null, 0, 0, gate);
      }
      assertSame("gmu in place");
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void causalConv1d(DType dtype) {
    for (int round = 0; round < ROUNDS; round++) {
      Batch batch = batch();
      int taps = 2 + random.nextInt(4);
      int inner = 1 + random.nextInt(70);
      Twin x = random(dtype, batch.tokens(), inner);
      Twin weight = random(DType.F32, taps, inner);
      Twin bias = random.nextBoolean() ? null : vector(inner);
      DType tailType = random.nextBoolean() ? DType.F32 : dtype;
      Twin tail = random(tailType, SLOTS * (taps - 1), inner);
      Twin y = random(any(), batch.tokens(), inner);
      for (Side side : sides) {
        side.backend.causalConv1d(
            batch, side.of(x), side.of(weight), side.orNull(bias), side.of(tail), side.of(y));
      }
      assertSame("causalConv1d, %d taps".formatted(taps));
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void selectiveScan(DType dtype) {
    for (int round = 0; round < ROUNDS; round++) {
      Batch batch = batch();
      int tokens = batch.tokens();
      int inner = 1 + random.nextInt(70);
      int states = 1 + random.nextInt(20);
      Twin x = random(dtype, tokens, inner);
      Twin delta = random(dtype, tokens, inner);
      Twin deltaBias = random.nextBoolean() ? null : vector(inner);
      Twin a = twin(DType.F32, states, inner, () -> (float) -Math.exp(random.nextGaussian()));
      Twin b = random(any(), tokens, states);
      Twin c = random(any(), tokens, states);
      Twin d = random.nextBoolean() ? null : vector(inner);
      Twin z = random.nextBoolean() ? null : random(any(), tokens, inner);
      Twin state = random(DType.F32, SLOTS * states, inner);
      int outputs = random.nextInt(4);
      Twin y = outputs == 1 ? null : outputs == 2 ? x : random(any(), tokens, inner);
      Twin yUngated = outputs == 0 ? null : random(any(), tokens, inner);
      for (Side side : sides) {
        side.backend.selectiveScan(
            batch,
            new ScanArgs(
                side.of(x),
                side.of(delta),
                side.orNull(deltaBias),
                side.of(a),
                side.of(b),
                side.of(c),
                side.orNull(d),
                side.orNull(z),
                side.of(state),
                side.orNull(y),
                side.orNull(yUngated)));
      }
      assertSame("selectiveScan, %d states, outputs %d".formatted(states, outputs));
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void keyValueCaches(DType dtype) {
    for (int round = 0; round < ROUNDS; round++) {
      Batch batch = batch();
      int width = 1 + random.nextInt(40);
      int longest = IntStream.range(0, batch.sequences()).map(batch::rows).max().getAsInt();
      TwinCache cache = cache(dtype, batch, width, 1 + random.nextInt(longest + 4));
      Twin k = random(any(), batch.tokens(), width);
      Twin v = random(any(), batch.tokens(), width);
      int s = random.nextInt(batch.sequences());
      int end = batch.position()[s] + batch.rows(s);
      int n = Math.min(end, cache.capacity());
      Twin readK = random(any(), n, width);
      Twin readV = random(any(), n, width);
      for (Side side : sides) {
        side.backend.kvAppend(batch, side.of(k), side.of(v), side.of(cache));
        side.backend.kvRead(side.of(cache), s, end - n, side.of(readK), side.of(readV));
      }
      assertSame("kvAppend, kvRead of " + cache.table.length + " blocks");
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void attention(DType dtype) {
    for (int round = 0; round < 2 * ROUNDS; round++) {
      AttentionCase c = attentionCase(dtype, 1);
      for (Side side : sides) {
        side.backend.attention(
            c.batch,
            c.shape,
            side.of(c.q),
            side.orNull(c.k),
            side.orNull(c.v),
            c.cache == null ? null : side.of(c.cache),
            side.of(c.y));
      }
      assertSame("attention, " + c.shape);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void diffAttention(DType dtype) {
    for (int round = 0; round < 2 * ROUNDS; round++) {
      AttentionCase c = attentionCase(dtype, 2);
      Twin subln = vector(2 * c.shape.headDim());
      float lambda = 0.9f * random.nextFloat(); // near 1 the difference is all rounding
      for (Side side : sides) {
        side.backend.diffAttention(
            c.batch,
            c.shape,
            new Differential(lambda, 0.3f, side.of(subln), EPS),
            side.of(c.q),
            side.orNull(c.k),
            side.orNull(c.v),
            c.cache == null ? null : side.of(c.cache),
            side.of(c.y));
      }
      assertSame("diffAttention, " + c.shape);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "B?F.*")
  void rope(DType dtype) {
    for (int round = 0; round < ROUNDS; round++) {
      Batch batch = batch();
      int half = 1 + random.nextInt(12);
      int headDim = 2 * half + random.nextInt(5);
      int heads = 1 + random.nextInt(4);
      Twin x = random(dtype, batch.tokens(), heads * headDim);
      Twin cos = random(DType.F32, LONGEST + 20, half);
      Twin sin = random(DType.F32, LONGEST + 20, half);
      for (Side side : sides) {
        side.backend.rope(batch, side.of(x), side.of(cos), side.of(sin), headDim);
      }
      assertSame("rope, %d of %d features".formatted(2 * half, headDim));
    }
  }

  // ---- arguments ------------------------------------------------------------------------------

  private static final int SLOTS = 6;
  private static final int LONGEST = 40;

  private DType any() {
    List<DType> all = DType.ofTensors();
    return all.get(random.nextInt(all.size()));
  }

  /** One to four sequences, slots in any order, about half of the batches decode steps. */
  private Batch batch() {
    int sequences = 1 + random.nextInt(4);
    boolean decode = random.nextBoolean();
    List<Integer> slots = new ArrayList<>(IntStream.range(0, SLOTS).boxed().toList());
    Collections.shuffle(slots, random);
    int[] start = new int[sequences + 1];
    int[] slot = new int[sequences];
    int[] position = new int[sequences];
    for (int s = 0; s < sequences; s++) {
      start[s + 1] = start[s] + (decode ? 1 : 1 + random.nextInt(20));
      slot[s] = slots.get(s);
      position[s] = random.nextBoolean() ? 0 : random.nextInt(LONGEST);
    }
    return new Batch(start, slot, position);
  }

  private record AttentionCase(
      Batch batch,
      AttentionShape shape,
      Twin q,
      @Nullable Twin k,
      @Nullable Twin v,
      @Nullable TwinCache cache,
      Twin y) {}

  private AttentionCase attentionCase(DType dtype, int headUnit) {
    Batch batch = batch();
    int kvHeads = headUnit * (1 + random.nextInt(2));
    int heads = kvHeads * (1 + random.nextInt(3));
    int headDim = new int[] {5, 8, 16, 64}[random.nextInt(4)];
    int window = new int[] {0, 1, 5, 16}[random.nextInt(4)];
    boolean own = random.nextBoolean();
    int needed = 1; // what the cache must be able to hold of one sequence
    for (int s = 0; s < batch.sequences(); s++) {
      int end = batch.position()[s] + (own ? 0 : batch.rows(s));
      int oldest = window == 0 ? 0 : Math.max(0, batch.position()[s] - window + 1);
      needed = Math.max(needed, end - oldest);
    }
    boolean fresh = IntStream.of(batch.position()).allMatch(p -> p == 0);
    int width = kvHeads * headDim;
    return new AttentionCase(
        batch,
        new AttentionShape(heads, kvHeads, headDim, window),
        random(dtype, batch.tokens(), heads * headDim),
        own ? random(any(), batch.tokens(), width) : null,
        own ? random(any(), batch.tokens(), width) : null,
        own && fresh && random.nextBoolean() ? null : cache(any(), batch, width, needed),
        random(any(), batch.tokens(), heads * headDim));
  }

  /** A ring for each slot, or blocks in any order; room for {@code needed} rows a sequence. */
  private TwinCache cache(DType dtype, Batch batch, int width, int needed) {
    boolean ring = random.nextBoolean();
    int blockTokens = ring ? needed : 1 + random.nextInt(8);
    int cols = ring ? 1 : (needed + blockTokens - 1) / blockTokens;
    int blocks = ring ? SLOTS : batch.sequences() * cols;
    List<Integer> order = new ArrayList<>(IntStream.range(0, blocks).boxed().toList());
    Collections.shuffle(order, random);
    int[] table = ring ? batch.slot() : order.stream().mapToInt(Integer::intValue).toArray();
    Twin keys = spaced(dtype, blocks * blockTokens, width);
    Twin values = spaced(dtype, blocks * blockTokens, width);
    return new TwinCache(keys, values, blockTokens, cols, table);
  }

  /**
   * With elements between its rows: without, a device may order the blocks of a cache in its own
   * way.
   */
  private Twin spaced(DType dtype, int rows, int cols) {
    Twin wide = random(dtype, rows, cols + 1);
    return new Twin(
        wide.testedWhole,
        wide.referenceWhole,
        wide.tested.cols(0, cols),
        wide.reference.cols(0, cols));
  }

  private Twin vector(int cols) {
    return random(DType.F32, 1, cols);
  }

  private Twin random(DType dtype, int rows, int cols) {
    return twin(dtype, rows, cols, () -> (float) random.nextGaussian());
  }

  private interface NumberSource {
    float next();
  }

  /** The same numbers on both sides, as a view into a larger matrix. */
  private Twin twin(DType dtype, int rows, int cols, NumberSource numbers) {
    int above = random.nextInt(3);
    int left = random.nextInt(6);
    int allRows = above + rows + random.nextInt(3);
    int allCols = left + cols + random.nextInt(6);
    float[] values = new float[allRows * allCols];
    for (int i = 0; i < values.length; i++) {
      values[i] = numbers.next();
    }
    Tensor[] wholes = new Tensor[2];
    Tensor[] views = new Tensor[2];
    for (int i = 0; i < 2; i++) {
      wholes[i] = sides.get(i).backend.allocate(dtype, allRows, allCols);
      sides.get(i).backend.upload(values, 0, wholes[i]);
      views[i] = wholes[i].rows(above, above + rows).cols(left, left + cols);
    }
    Twin twin = new Twin(wholes[0], wholes[1], views[0], views[1]);
    twins.add(twin);
    return twin;
  }

  private TwinWeight weight(DType dtype, int rows, int cols) {
    float[] values = new float[rows * cols];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    DType from = any(); // as a file may hold them
    int half = rows / 2;
    Weight[] weights = new Weight[2];
    for (int i = 0; i < 2; i++) {
      weights[i] = sides.get(i).backend.weight(rows, cols, dtype);
      ByteBuffer bytes = Bytes.of(values, from);
      int split = half * cols * from.bytes();
      weights[i].setRows(half, bytes.duplicate().position(split), from);
      if (half > 0) {
        weights[i].setRows(0, bytes.duplicate().limit(split), from);
      }
    }
    return new TwinWeight(weights[0], weights[1]);
  }

  private record Side(Backend backend, boolean isTested) {
    Tensor of(Twin twin) {
      return isTested ? twin.tested : twin.reference;
    }

    @Nullable Tensor orNull(@Nullable Twin twin) {
      return twin == null ? null : of(twin);
    }

    Weight of(TwinWeight weight) {
      return isTested ? weight.tested : weight.reference;
    }

    KeyValueView of(TwinCache cache) {
      return new KeyValueView(
          of(cache.keys), of(cache.values), cache.blockTokens, cache.tableCols, cache.table);
    }
  }

  private record Twin(Tensor testedWhole, Tensor referenceWhole, Tensor tested, Tensor reference) {}

  private record TwinWeight(Weight tested, Weight reference) implements AutoCloseable {
    @Override
    public void close() {
      tested.close();
      reference.close();
    }
  }

  @SuppressWarnings("ArrayRecordComponent")
  private record TwinCache(Twin keys, Twin values, int blockTokens, int tableCols, int[] table) {
    int capacity() {
      return blockTokens * tableCols;
    }
  }

  // ---- results --------------------------------------------------------------------------------

  /** All matrices made since the last time are the same, and so is what surrounds them. */
  private void assertSame(String what) {
    compare(what);
    assertTrue(!twins.isEmpty());
    twins.clear();
  }

  private void compare(String what) {
    for (Twin twin : twins) {
      float[] want = floats(reference.backend, twin.referenceWhole);
      assertNear(what, tested.backend, twin.testedWhole, want);
    }
  }

  /** ||got - want|| is at most 1 % of ||want||. */
  private void assertCloseAsAWhole(String what, Twin twin) {
    float[] want = floats(reference.backend, twin.reference);
    float[] got = floats(tested.backend, twin.tested);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < want.length; i++) {
      difference += Math.pow((double) got[i] - want[i], 2);
      norm += Math.pow(want[i], 2);
    }
    double error = Math.sqrt(difference / norm);
    if (!(error <= 0.01)) {
      fail("%s: relative error %s; -Dsambay.seed=%d".formatted(what, error, seed));
    }
    twins.clear();
  }

  /**
   * Within 2e-5 of the largest number (sums in f32 against sums in double) and one unit in the last
   * place of the storage format, where the two round to either side.
   */
  private void assertNear(String what, Backend backend, Tensor tensor, float[] want) {
    double largest = 0;
    for (float value : want) {
      largest = Math.max(largest, Math.abs(value));
    }
    double unit =
        switch (tensor.dtype()) {
          case F32 -> 0;
          case F16 -> 0x1p-10;
          case BF16 -> 0x1p-7;
          case INT8, INT4 -> throw new IllegalStateException("tensors are not quantised");
        };
    float[] got = floats(backend, tensor);
    for (int i = 0; i < want.length; i++) {
      double allowed = 2e-5 * largest + unit * Math.abs(want[i]);
      if (!(Math.abs((double) got[i] - want[i]) <= allowed)) {
        fail(
            "%s: %s at [%d, %d] is %s, expected %s; -Dsambay.seed=%d"
                .formatted(
                    what, tensor, i / tensor.cols(), i % tensor.cols(), got[i], want[i], seed));
      }
    }
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[tensor.rows() * tensor.cols()];
    backend.download(tensor, values, 0);
    return values;
  }
}
