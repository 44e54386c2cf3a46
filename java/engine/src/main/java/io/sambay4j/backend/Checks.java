package io.sambay4j.backend;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What every operation asks of its arguments, one method per operation, the same for all backends.
 * A violation is an {@link IllegalArgumentException} that names operation, argument, what was found
 * and what was expected: {@code selectiveScan: b is f32[7, 16], expected [tokens=8, state=16]}.
 */
final class Checks {
  private Checks() {}

  static void allocate(DType dtype, int rows, int cols) {
    require(!dtype.isQuantized(), "allocate", "%s is for weights only", name(dtype));
    require(
        rows >= 1 && cols >= 1,
        "allocate",
        "[%d, %d], expected at least one row and one column",
        rows,
        cols);
  }

  static void weight(int rows, int cols, DType storage) {
    require(
        rows >= 1 && cols >= 1,
        "weight",
        "[%d, %d], expected at least one row and one column",
        rows,
        cols);
    groups("weight", cols, storage);
  }

  private static void groups(String op, int cols, DType storage) {
    require(
        !storage.isQuantized() || cols % DType.GROUP == 0,
        op,
        "%d columns in %s, expected a multiple of %d",
        cols,
        name(storage),
        DType.GROUP);
  }

  /** Returns how many rows {@code from} holds. */
  static int setRows(Weight weight, int firstRow, ByteBuffer from, DType dtype) {
    require(!dtype.isQuantized(), "setRows", "%s has no single numbers", name(dtype));
    long rowBytes = (long) weight.cols() * dtype.bytes();
    require(
        from.remaining() % rowBytes == 0,
        "setRows",
        "%d bytes, expected a multiple of %d, a row of %d %s",
        from.remaining(),
        rowBytes,
        weight.cols(),
        name(dtype));
    int n = (int) (from.remaining() / rowBytes);
    rowsOfWeight("setRows", weight, firstRow, n);
    return n;
  }

  private static void rowsOfWeight(String op, Weight weight, int firstRow, int n) {
    require(n >= 1, op, "no bytes, expected at least one row");
    require(
        firstRow >= 0 && firstRow <= weight.rows() - n,
        op,
        "rows %d to %d, expected within 0 to %d",
        firstRow,
        firstRow + (long) n - 1,
        weight.rows() - 1);
  }

  /** Returns how many rows of codes there are. */
  static int setQuantizedRows(Weight weight, int firstRow, ByteBuffer codes, ByteBuffer scales) {
    String op = "setQuantizedRows";
    require(weight.dtype().isQuantized(), op, "a weight in %s", name(weight.dtype()));
    long rowBytes = weight.dtype().codeBytes(weight.cols());
    require(
        codes.remaining() % rowBytes == 0,
        op,
        "%d bytes of codes, expected a multiple of %d",
        codes.remaining(),
        rowBytes);
    int n = (int) (codes.remaining() / rowBytes);
    require(
        scales.remaining() == DType.scaleBytes((long) n * weight.cols()),
        op,
        "%d bytes of scales, expected %d for %d rows",
        scales.remaining(),
        DType.scaleBytes((long) n * weight.cols()),
        n);
    rowsOfWeight(op, weight, firstRow, n);
    return n;
  }

  /** Returns how many rows there are. */
  static int quantize(ByteBuffer from, DType fromDtype, int cols, DType dtype, Quantizer.Rows to) {
    String op = "quantize";
    require(!fromDtype.isQuantized(), op, "from %s", name(fromDtype));
    require(dtype.isQuantized(), op, "to %s, expected int8 or int4", name(dtype));
    require(cols >= 1, op, "%d columns", cols);
    groups(op, cols, dtype);
    require(from.isDirect() && to.codes().isDirect() && to.scales().isDirect(), op, "heap memory");
    long rowBytes = (long) cols * fromDtype.bytes();
    require(
        from.remaining() >= rowBytes && from.remaining() % rowBytes == 0,
        op,
        "%d bytes, expected a multiple of %d",
        from.remaining(),
        rowBytes);
    int n = (int) (from.remaining() / rowBytes);
    require(
        to.codes().capacity() >= dtype.codeBytes((long) n * cols)
            && to.scales().capacity() >= DType.scaleBytes((long) n * cols),
        op,
        "no room for %d rows",
        n);
    return n;
  }

  static void transfer(String op, float[] array, int start, Tensor tensor) {
    long count = (long) tensor.rows() * tensor.cols();
    require(
        start >= 0 && start + count <= array.length,
        op,
        "%s takes %d numbers from %d on, the array has %d",
        tensor,
        count,
        start,
        array.length);
  }

  static void copy(Tensor from, Tensor to) {
    shape("copy", "to", to, "rows", from.rows(), "columns", from.cols());
    noOverlap("copy", "to", to, "from", from);
  }

  static void zero(Tensor tensor) {
    notEmpty("zero", "tensor", tensor);
  }

  static void linear(Backend.LinearArgs args) {
    String op = "linear";
    Tensor x = args.x();
    int tokens = x.rows();
    int outputs = args.weight().rows();
    shape(op, "x", x, "tokens", tokens, "inputs", args.weight().cols());
    Norm norm = args.norm();
    if (norm != null) {
      vector(op, "norm.weight", norm.weight(), "inputs", x.cols());
      vector(op, "norm.bias", norm.bias(), "inputs", x.cols());
      eps(op, norm.eps());
      noOverlap(op, "y", args.y(), "norm.weight", norm.weight());
      noOverlap(op, "y", args.y(), "norm.bias", norm.bias());
    }
    vector(op, "bias", args.bias(), "outputs", outputs);
    if (args.epilogue() == Backend.Epilogue.SWIGLU) {
      require(outputs % 2 == 0, op, "outputs is %d, expected a gate and an up half", outputs);
      shape(op, "y", args.y(), "tokens", tokens, "outputs / 2", outputs / 2);
    } else {
      shape(op, "y", args.y(), "tokens", tokens, "outputs", outputs);
    }
    boolean gated = args.epilogue() == Backend.Epilogue.GMU;
    require(
        gated == (args.memory() != null),
        op,
        "memory is %s, expected it with GMU and only then",
        args.memory() == null ? "not given" : "given");
    shape(op, "memory", args.memory(), "tokens", tokens, "outputs", outputs);
    noOverlap(op, "y", args.y(), "x", x);
    noOverlap(op, "y", args.y(), "bias", args.bias());
    noOverlap(op, "y", args.y(), "memory", args.memory());
  }

  static void embedding(Weight table, int[] ids, Tensor y) {
    shape("embedding", "y", y, "tokens", ids.length, "hidden", table.cols());
    indices("embedding", "ids", ids, "vocabulary", table.rows());
  }

  static void gatherRows(Tensor x, int[] rows, Tensor y) {
    shape("gatherRows", "y", y, "n", rows.length, "features", x.cols());
    dtype("gatherRows", "y", y, x.dtype());
    indices("gatherRows", "rows", rows, "tokens", x.rows());
    noOverlap("gatherRows", "y", y, "x", x);
  }

  static void layerNorm(Tensor x, Tensor weight, Tensor bias, float eps, Tensor y) {
    vector("layerNorm", "weight", weight, "features", x.cols());
    vector("layerNorm", "bias", bias, "features", x.cols());
    shape("layerNorm", "y", y, "tokens", x.rows(), "features", x.cols());
    sameOrApart("layerNorm", "y", y, "x", x);
    noOverlap("layerNorm", "y", y, "weight", weight);
    noOverlap("layerNorm", "y", y, "bias", bias);
    eps("layerNorm", eps);
  }

  static void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y) {
    vector("rmsNorm", "weight", weight, "features", x.cols());
    shape("rmsNorm", "y", y, "tokens", x.rows(), "features", x.cols());
    sameOrApart("rmsNorm", "y", y, "x", x);
    noOverlap("rmsNorm", "y", y, "weight", weight);
    eps("rmsNorm", eps);
  }

  static void swiglu(Tensor gateUp, Tensor y) {
    shape("swiglu", "gateUp", gateUp, "tokens", y.rows(), "2 * features", 2 * y.cols());
    noOverlap("swiglu", "y", y, "gateUp", gateUp);
  }

  static void gmu(
      Tensor gate, Tensor memory, @Nullable Tensor normWeight, float eps, int groups, Tensor y) {
    shape("gmu", "memory", memory, "tokens", gate.rows(), "inner", gate.cols());
    shape("gmu", "y", y, "tokens", gate.rows(), "inner", gate.cols());
    sameOrApart("gmu", "y", y, "gate", gate);
    noOverlap("gmu", "y", y, "memory", memory);
    noOverlap("gmu", "y", y, "normWeight", normWeight);
    if (normWeight != null) {
      vector("gmu", "normWeight", normWeight, "inner", gate.cols());
      eps("gmu", eps);
      require(
          groups >= 1 && gate.cols() % groups == 0,
          "gmu",
          "normGroups is %d, expected a divisor of inner=%d",
          groups,
          gate.cols());
    }
  }

  static void causalConv1d(
      Batch batch, Tensor x, Tensor weight, @Nullable Tensor bias, Tensor tail, Tensor y) {
    String op = "causalConv1d";
    batch(op, batch, x, "x");
    int inner = x.cols();
    shape(op, "weight", weight, "taps", weight.rows(), "inner", inner);
    dtype(op, "weight", weight, DType.F32);
    require(weight.rows() >= 2, op, "weight is %s, expected at least two taps", weight);
    vector(op, "bias", bias, "inner", inner);
    if (tail.dtype() != x.dtype()) {
      dtype(op, "tail", tail, DType.F32);
    }
    slots(op, "tail", tail, batch, "taps - 1", weight.rows() - 1, inner);
    shape(op, "y", y, "tokens", x.rows(), "inner", inner);
    noOverlap(op, "y", y, "x", x);
    noOverlap(op, "y", y, "tail", tail);
    noOverlap(op, "y", y, "weight", weight);
    noOverlap(op, "y", y, "bias", bias);
    noOverlap(op, "tail", tail, "x", x);
    noOverlap(op, "tail", tail, "weight", weight);
    noOverlap(op, "tail", tail, "bias", bias);
  }

  static void selectiveScan(Batch batch, Backend.ScanArgs args) {
    String op = "selectiveScan";
    Tensor x = args.x();
    batch(op, batch, x, "x");
    int tokens = x.rows();
    int inner = x.cols();
    int states = args.a().rows();
    shape(op, "delta", args.delta(), "tokens", tokens, "inner", inner);
    vector(op, "deltaBias", args.deltaBias(), "inner", inner);
    shape(op, "a", args.a(), "state", states, "inner", inner);
    dtype(op, "a", args.a(), DType.F32);
    shape(op, "b", args.b(), "tokens", tokens, "state", states);
    shape(op, "c", args.c(), "tokens", tokens, "state", states);
    vector(op, "d", args.d(), "inner", inner);
    shape(op, "z", args.z(), "tokens", tokens, "inner", inner);
    dtype(op, "state", args.state(), DType.F32);
    slots(op, "state", args.state(), batch, "state", states, inner);
    shape(op, "y", args.y(), "tokens", tokens, "inner", inner);
    shape(op, "yUngated", args.yUngated(), "tokens", tokens, "inner", inner);
    require(args.y() != null || args.yUngated() != null, op, "neither y nor yUngated is given");
    sameOrApart(op, "y", args.y(), "x", x);
    noOverlap(op, "yUngated", args.yUngated(), "x", x);
    noOverlap(op, "yUngated", args.yUngated(), "y", args.y());
    noOverlap(op, "state", args.state(), "x", x);
    noOverlap(op, "state", args.state(), "y", args.y());
    noOverlap(op, "state", args.state(), "yUngated", args.yUngated());
    noOverlapWithScanInputs("state", args.state(), args);
    noOverlapWithScanInputs("y", args.y(), args);
    noOverlapWithScanInputs("yUngated", args.yUngated(), args);
  }

  private static void noOverlapWithScanInputs(
      String name, @Nullable Tensor output, Backend.ScanArgs args) {
    noOverlap("selectiveScan", name, output, "delta", args.delta());
    noOverlap("selectiveScan", name, output, "deltaBias", args.deltaBias());
    noOverlap("selectiveScan", name, output, "a", args.a());
    noOverlap("selectiveScan", name, output, "d", args.d());
    noOverlap("selectiveScan", name, output, "b", args.b());
    noOverlap("selectiveScan", name, output, "c", args.c());
    noOverlap("selectiveScan", name, output, "z", args.z());
  }

  static void kvAppend(Batch batch, Tensor k, Tensor v, KeyValueView kv) {
    String op = "kvAppend";
    batch(op, batch, k, "k");
    shape(op, "k", k, "tokens", k.rows(), "kvHeads * headDim", kv.keys().cols());
    shape(op, "v", v, "tokens", k.rows(), "kvHeads * headDim", kv.keys().cols());
    noOverlap(op, "keys", kv.keys(), "k", k);
    noOverlap(op, "keys", kv.keys(), "v", v);
    noOverlap(op, "values", kv.values(), "k", k);
    noOverlap(op, "values", kv.values(), "v", v);
    cache(op, kv, batch.sequences());
    for (int s = 0; s < batch.sequences(); s++) {
      int end = batch.position()[s] + batch.rows(s);
      blocks(op, kv, s, Math.max(batch.position()[s], end - kv.capacity()), end);
    }
  }

  static void kvRead(KeyValueView kv, int s, int first, Tensor k, Tensor v) {
    String op = "kvRead";
    shape(op, "k", k, "n", k.rows(), "kvHeads * headDim", kv.keys().cols());
    shape(op, "v", v, "n", k.rows(), "kvHeads * headDim", kv.keys().cols());
    cache(op, kv, 0);
    int sequences = kv.table().length / kv.tableCols();
    require(s >= 0 && s < sequences, op, "sequence %d, expected 0 to %d", s, sequences - 1);
    require(
        first >= 0 && first <= Integer.MAX_VALUE - k.rows(),
        op,
        "no positions %d to %d",
        first,
        first + (long) k.rows() - 1);
    require(
        k.rows() <= kv.capacity(), op, "%d positions, the cache keeps %d", k.rows(), kv.capacity());
    blocks(op, kv, s, first, first + k.rows());
    noOverlap(op, "k", k, "v", v);
    noOverlap(op, "k", k, "keys", kv.keys());
    noOverlap(op, "k", k, "values", kv.values());
    noOverlap(op, "v", v, "keys", kv.keys());
    noOverlap(op, "v", v, "values", kv.values());
  }

  static void attention(
      String op,
      Batch batch,
      AttentionShape shape,
      Tensor q,
      @Nullable Tensor k,
      @Nullable Tensor v,
      @Nullable KeyValueView kv,
      Tensor y) {
    batch(op, batch, q, "q");
    int width = shape.heads() * shape.headDim();
    int kvWidth = shape.kvHeads() * shape.headDim();
    shape(op, "q", q, "tokens", q.rows(), "heads * headDim", width);
    shape(op, "y", y, "tokens", q.rows(), "heads * headDim", width);
    require((k == null) == (v == null), op, "of k and v only one is given");
    shape(op, "k", k, "tokens", q.rows(), "kvHeads * headDim", kvWidth);
    shape(op, "v", v, "tokens", q.rows(), "kvHeads * headDim", kvWidth);
    noOverlap(op, "y", y, "q", q);
    noOverlap(op, "y", y, "k", k);
    noOverlap(op, "y", y, "v", v);
    if (kv != null) {
      shape(op, "keys", kv.keys(), "rows", kv.keys().rows(), "kvHeads * headDim", kvWidth);
      cache(op, kv, batch.sequences());
      noOverlap(op, "y", y, "keys", kv.keys());
      noOverlap(op, "y", y, "values", kv.values());
    }
    for (int s = 0; s < batch.sequences(); s++) {
      int position = batch.position()[s];
      int oldest = shape.window() == 0 ? 0 : Math.max(0, position - shape.window() + 1);
      int end = k == null ? position + batch.rows(s) : position; // of what the cache must hold
      if (oldest == end) {
        continue;
      }
      if (kv == null) {
        throw new IllegalArgumentException(
            "%s: sequence %d needs keys from the cache, kv is null".formatted(op, s));
      }
      require(
          end - oldest <= kv.capacity(),
          op,
          "sequence %d needs cached positions %d to %d, the cache keeps %d",
          s,
          oldest,
          end - 1,
          kv.capacity());
      blocks(op, kv, s, oldest, end);
    }
  }

  static void diffAttention(
      Batch batch,
      AttentionShape shape,
      Backend.Differential differential,
      Tensor q,
      @Nullable Tensor k,
      @Nullable Tensor v,
      @Nullable KeyValueView kv,
      Tensor y) {
    String op = "diffAttention";
    require(
        shape.heads() % 2 == 0 && shape.kvHeads() % 2 == 0,
        op,
        "%d heads on %d key/value heads, expected even numbers",
        shape.heads(),
        shape.kvHeads());
    attention(op, batch, shape, q, k, v, kv, y);
    vector(op, "sublnWeight", differential.sublnWeight(), "2 * headDim", 2 * shape.headDim());
    noOverlap(op, "y", y, "sublnWeight", differential.sublnWeight());
    require(
        Float.isFinite(differential.lambda()) && Float.isFinite(differential.outScale()),
        op,
        "lambda is %s and outScale %s, expected finite numbers",
        differential.lambda(),
        differential.outScale());
    eps(op, differential.eps());
  }

  static void rope(Batch batch, Tensor x, Tensor cos, Tensor sin, int headDim) {
    String op = "rope";
    batch(op, batch, x, "x");
    dtype(op, "cos", cos, DType.F32);
    dtype(op, "sin", sin, DType.F32);
    shape(op, "sin", sin, "positions", cos.rows(), "rotated / 2", cos.cols());
    require(
        headDim >= 1 && x.cols() % headDim == 0,
        op,
        "x is %s, expected columns of heads * headDim=%d",
        x,
        headDim);
    noOverlap(op, "x", x, "cos", cos);
    noOverlap(op, "x", x, "sin", sin);
    require(
        2 * cos.cols() <= headDim,
        op,
        "cos is %s, at most headDim=%d features can turn",
        cos,
        headDim);
    for (int s = 0; s < batch.sequences(); s++) {
      int end = batch.position()[s] + batch.rows(s);
      require(
          end <= cos.rows(),
          op,
          "sequence %d ends at position %d, cos has %d rows",
          s,
          end - 1,
          cos.rows());
    }
  }

  static void sample(Tensor logits, Draws draws) {
    String op = "sample";
    int n = draws.size();
    shape(op, "logits", logits, "n", n, "vocabulary", logits.cols());
    dtype(op, "logits", logits, DType.F32);
    length(op, "temperature", draws.temperature().length, n);
    length(op, "topK", draws.topK().length, n);
    length(op, "topP", draws.topP().length, n);
    length(op, "minP", draws.minP().length, n);
    length(op, "random", draws.random().length, n);
    length(op, "logProbability", draws.logProbability().length, n);
    for (int i = 0; i < n; i++) {
      within(op, "temperature", i, draws.temperature()[i], 2);
      within(op, "topK", i, draws.topK()[i], MOST_TOKENS);
      within(op, "topP", i, draws.topP()[i], 1);
      within(op, "minP", i, draws.minP()[i], 1);
    }
    require(
        logits.cols() <= MOST_TOKENS, op, "logits is %s, expected at most 2^20 columns", logits);
  }

  /** So that sums of weights fit 63 bits; see docs/sampling.md. */
  private static final int MOST_TOKENS = 1 << 20;

  private static void length(String op, String name, int length, int n) {
    require(length == n, op, "%s has %d numbers, expected n=%d", name, length, n);
  }

  private static void within(String op, String name, int i, double value, double most) {
    require(
        value >= 0 && value <= most, op, "%s[%d] is %s, expected 0 to %s", name, i, value, most);
  }

  private static void batch(String op, Batch batch, Tensor x, String name) {
    int[] start = batch.sequenceStart();
    require(start[0] == 0, op, "sequenceStart[0] is %d, expected 0", start[0]);
    for (int s = 0; s < batch.sequences(); s++) {
      require(start[s] < start[s + 1], op, "sequence %d of the batch has no rows", s);
      int position = batch.position()[s];
      require(
          position >= 0 && position <= Integer.MAX_VALUE - batch.rows(s),
          op,
          "position[%d] is %d, expected 0 or more and room for %d rows",
          s,
          position,
          batch.rows(s));
      require(batch.slot()[s] >= 0, op, "slot[%d] is %d", s, batch.slot()[s]);
    }
    int[] slots = batch.slot().clone();
    Arrays.sort(slots);
    for (int s = 1; s < slots.length; s++) {
      require(slots[s - 1] != slots[s], op, "slot %d twice in one batch", slots[s]);
    }
    require(
        x.rows() == batch.tokens(),
        op,
        "%s is %s, expected [tokens=%d, %d]",
        name,
        x,
        batch.tokens(),
        x.cols());
  }

  /** {@code tensor} [slots * rowsPerSlot, inner] has room for every slot of the batch. */
  private static void slots(
      String op, String name, Tensor tensor, Batch batch, String per, int rowsPerSlot, int inner) {
    String rows = "slots * (" + per + ")";
    shape(op, name, tensor, rows, tensor.rows(), "inner", inner);
    require(
        tensor.rows() % rowsPerSlot == 0,
        op,
        "%s is %s, expected [%s, inner=%d] with %s=%d",
        name,
        tensor,
        rows,
        inner,
        per,
        rowsPerSlot);
    for (int slot : batch.slot()) {
      require(
          (slot + 1L) * rowsPerSlot <= tensor.rows(),
          op,
          "%s is %s, no room for slot %d of %s=%d rows",
          name,
          tensor,
          slot,
          per,
          rowsPerSlot);
    }
  }

  private static void cache(String op, KeyValueView kv, int sequences) {
    notEmpty(op, "keys", kv.keys());
    dtype(op, "values", kv.values(), kv.keys().dtype());
    noOverlap(op, "keys", kv.keys(), "values", kv.values());
    require(
        kv.keys().rows() % kv.blockTokens() == 0,
        op,
        "keys is %s, expected rows of blocks * blockTokens=%d",
        kv.keys(),
        kv.blockTokens());
    require(
        kv.table().length >= (long) sequences * kv.tableCols(),
        op,
        "the block table has %d entries, expected [sequences=%d, tableCols=%d]",
        kv.table().length,
        sequences,
        kv.tableCols());
  }

  /** The blocks that hold positions {@code first} to {@code end - 1} of sequence s exist. */
  private static void blocks(String op, KeyValueView kv, int s, int first, int end) {
    int blocks = kv.keys().rows() / kv.blockTokens();
    long firstBlock = first / kv.blockTokens();
    for (long j = firstBlock * kv.blockTokens(); j < end; j += kv.blockTokens()) {
      int entry = s * kv.tableCols() + (int) (j / kv.blockTokens()) % kv.tableCols();
      int block = kv.table()[entry];
      require(
          block >= 0 && block < blocks,
          op,
          "table[%d, %d] is block %d, expected 0 to %d",
          s,
          entry % kv.tableCols(),
          block,
          blocks - 1);
    }
  }

  private static void indices(String op, String name, int[] indices, String what, int size) {
    for (int i = 0; i < indices.length; i++) {
      require(
          indices[i] >= 0 && indices[i] < size,
          op,
          "%s[%d] is %d, expected 0 to %s - 1 = %d",
          name,
          i,
          indices[i],
          what,
          size - 1);
    }
  }

  private static void vector(
      String op, String name, @Nullable Tensor tensor, String colsName, int cols) {
    if (tensor != null) {
      shape(op, name, tensor, "rows", 1, colsName, cols);
      dtype(op, name, tensor, DType.F32);
    }
  }

  private static void shape(
      String op,
      String name,
      @Nullable Tensor tensor,
      String rowsName,
      int rows,
      String colsName,
      int cols) {
    if (tensor == null) {
      return;
    }
    notEmpty(op, name, tensor);
    if (tensor.rows() != rows || tensor.cols() != cols) {
      throw new IllegalArgumentException(
          "%s: %s is %s, expected [%s=%d, %s=%d]"
              .formatted(op, name, tensor, rowsName, rows, colsName, cols));
    }
  }

  private static void notEmpty(String op, String name, Tensor tensor) {
    require(
        !tensor.isEmpty(), op, "%s is %s, expected at least one row and one column", name, tensor);
  }

  private static void dtype(String op, String name, Tensor tensor, DType dtype) {
    require(tensor.dtype() == dtype, op, "%s is %s, expected %s", name, tensor, name(dtype));
  }

  private static void eps(String op, float eps) {
    require(eps >= 0 && eps < Float.POSITIVE_INFINITY, op, "eps is %s, expected >= 0", eps);
  }

  private static void noOverlap(
      String op, String name, @Nullable Tensor a, String otherName, @Nullable Tensor b) {
    if (a != null && b != null) {
      require(!a.overlaps(b), op, "%s overlaps %s in memory", name, otherName);
    }
  }

  /** The same elements exactly, so that every one is read before it is written; or none shared. */
  private static void sameOrApart(
      String op, String name, @Nullable Tensor a, String otherName, Tensor b) {
    if (a != null) {
      boolean same =
          a.storage() == b.storage()
              && a.offset() == b.offset()
              && (a.stride() == b.stride() || a.rows() == 1);
      require(same || !a.overlaps(b), op, "%s overlaps %s without being it", name, otherName);
    }
  }

  private static String name(DType dtype) {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  /** Formats only on failure: this stands before every operation of every layer. */
  private static void require(
      boolean condition, String op, String message, @Nullable Object... values) {
    if (!condition) {
      throw new IllegalArgumentException((op + ": " + message).formatted(values));
    }
  }
}
