package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.Backend.Differential;
import io.sambay4j.backend.Backend.ScanArgs;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every operation against the numbers of native/tests/goldens/kernels, computed in double precision
 * by an independent implementation. Within 1e-5 of the largest expected value.
 */
abstract class KernelGoldenContract {
  private static final double TOLERANCE = 1e-5;
  private static final float EPS = 1e-5f;

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

  @Test
  void layerNormAndRmsNorm() {
    GoldenFile file = new GoldenFile("norms");
    Tensor x = tensor(file, "x");
    Tensor weight = vector(file, "w");
    Tensor y = backend.allocate(DType.F32, x.rows(), x.cols());
    backend.layerNorm(x, weight, vector(file, "b"), EPS, y);
    assertRowsNear(file, "layer_norm", y);
    backend.rmsNorm(x, weight, EPS, y);
    assertRowsNear(file, "rms_norm", y);
  }

  @Test
  void swiglu() {
    GoldenFile file = new GoldenFile("swiglu");
    float[] gate = file.floats("gate");
    float[] up = file.floats("up");
    float[] gateUp = Arrays.copyOf(gate, gate.length + up.length);
    System.arraycopy(up, 0, gateUp, gate.length, up.length);
    Tensor y = backend.allocate(DType.F32, 1, gate.length);
    backend.swiglu(tensor(gateUp, 1, gateUp.length), y);
    assertNear(file, "swiglu", y);
  }

  @Test
  void gmu() {
    GoldenFile file = new GoldenFile("gmu");
    Tensor x = tensor(file, "x");
    Tensor memory = tensor(file, "memory");
    Tensor gate = backend.allocate(DType.F32, memory.rows(), memory.cols());
    Tensor y = backend.allocate(DType.F32, memory.rows(), memory.cols());
    Tensor out = backend.allocate(DType.F32, x.rows(), x.cols());
    Tensor norm = vector(file, "norm_weight");
    try (Weight inProj = weight(file, "in_proj");
        Weight outProj = weight(file, "out_proj")) {
      backend.linear(x, inProj, null, gate, false);
      assertNear(file, "gate", gate);
      backend.gmu(gate, memory, null, 0, 0, y);
      assertNear(file, "gated", y);
      backend.linear(y, outProj, null, out, false);
      assertNear(file, "out", out);
      backend.gmu(gate, memory, norm, EPS, 1, y);
      assertNear(file, "gated_norm", y);
      backend.linear(y, outProj, null, out, false);
      assertNear(file, "out_norm", out);
      backend.gmu(gate, memory, norm, EPS, 2, y);
      assertNear(file, "gated_norm_group", y);
    }
  }

  @Test
  void causalConv1dInPieces() {
    GoldenFile file = new GoldenFile("causal_conv1d");
    int inner = file.shape("w")[0];
    int taps = file.shape("w")[1];
    Tensor weight = tensor(transposed(file.floats("w"), inner, taps), taps, inner);
    Tensor bias = vector(file, "b");
    Tensor tail = backend.allocate(DType.F32, 3 * (taps - 1), inner);
    int position = 0;
    for (int piece = 0; piece < 6; piece++) {
      Tensor x = tensor(file, "x" + piece);
      Tensor y = backend.allocate(DType.F32, x.rows(), inner);
      Batch batch = new Batch(new int[] {0, x.rows()}, new int[] {2}, new int[] {position});
      backend.causalConv1d(batch, x, weight, bias, tail, y);
      assertNear(file, "y" + piece, y);
      assertNear(file, "tail" + piece, tail.rows(2 * (taps - 1), 3 * (taps - 1)));
      position += x.rows();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain", "z", "state", "z_state", "extreme_dt"})
  void selectiveScan(String name) {
    GoldenFile file = new GoldenFile("selective_scan." + name);
    int inner = file.shape("A")[0];
    int states = file.shape("A")[1];
    Tensor state = backend.allocate(DType.F32, 2 * states, inner);
    int position = 0;
    if (file.has("state_in")) {
      position = 100; // at 0 the state would be taken as zero
      float[] before = transposed(file.floats("state_in"), inner, states);
      backend.upload(before, 0, state.rows(states, 2 * states));
    }
    int tokens = file.shape("u")[0];
    scan(file, "", tokens, position, state);
    scan(file, "step.", 1, position + tokens, state);
  }

  private void scan(GoldenFile file, String prefix, int tokens, int position, Tensor state) {
    int inner = file.shape("A")[0];
    int states = file.shape("A")[1];
    Tensor y = backend.allocate(DType.F32, tokens, inner);
    backend.selectiveScan(
        new Batch(new int[] {0, tokens}, new int[] {1}, new int[] {position}),
        new ScanArgs(
            tensor(file, prefix + "u"),
            tensor(file, prefix + "dt"),
            vector(file, "dt_bias"),
            tensor(transposed(file.floats("A"), inner, states), states, inner),
            tensor(file, prefix + "B"),
            tensor(file, prefix + "C"),
            vector(file, "D"),
            file.has(prefix + "z") ? tensor(file, prefix + "z") : null,
            state,
            y,
            null));
    assertNear(file, prefix + "y", y);
    float[] wanted = transposed(file.floats(prefix + "state_out"), inner, states);
    assertNear(prefix + "state_out", wanted, state.rows(states, 2 * states));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "single",
        "prefill_full",
        "prefill_window",
        "decode_full",
        "decode_window",
        "chunk_window"
      })
  void attention(String name) {
    GoldenFile file = new GoldenFile("attention." + name);
    int[] qShape = file.shape("q");
    int queries = qShape[0];
    int headDim = qShape[2];
    int[] kvShape = file.shape("k");
    int keys = kvShape[0];
    int kvWidth = kvShape[1] * headDim;
    int position = keys - queries;
    int window = file.integers("window")[0];
    AttentionShape shape = new AttentionShape(qShape[1], kvShape[1], headDim, window);
    float lambda = file.floats("lambda_full")[0];
    float outScale = (float) (0.6 * Math.exp(-0.3 * file.integers("depth")[0]) + 0.2);
    Differential differential = new Differential(lambda, outScale, vector(file, "subln"), EPS);

    Tensor q = tensor(file.floats("q"), queries, qShape[1] * headDim);
    Tensor k = tensor(file.floats("k"), keys, kvWidth);
    Tensor v = tensor(file.floats("v"), keys, kvWidth);
    int blockTokens = 16;
    KeyValueView cache =
        new KeyValueView(
            backend.allocate(DType.F32, 4 * blockTokens, kvWidth),
            backend.allocate(DType.F32, 4 * blockTokens, kvWidth),
            blockTokens,
            3,
            new int[] {2, 0, 3});
    backend.kvAppend(new Batch(new int[] {0, keys}, new int[] {0}, new int[] {0}), k, v, cache);

    Batch batch = new Batch(new int[] {0, queries}, new int[] {0}, new int[] {position});
    Tensor y = backend.allocate(DType.F32, queries, q.cols());
    for (boolean own : new boolean[] {false, true}) {
      Tensor ownK = own ? k.rows(position, keys) : null;
      Tensor ownV = own ? v.rows(position, keys) : null;
      @Nullable KeyValueView past = own && position == 0 ? null : cache;
      backend.attention(batch, shape, q, ownK, ownV, past, y);
      assertNear(file, "out_plain", y);
      backend.diffAttention(batch, shape, differential, q, ownK, ownV, past, y);
      assertNear(file, "out_diff", y);
    }
  }

  @Test
  void rope() {
    GoldenFile file = new GoldenFile("rope");
    int[] shape = file.shape("x");
    int headDim = shape[2];
    int[] positions = file.integers("pos");
    double theta = file.floats("theta")[0];
    double scaling = file.floats("scaling")[0];
    float[] factors = file.floats("factors");
    int half = factors.length;
    int length = Arrays.stream(positions).max().getAsInt() + 1;
    Tensor cos = backend.allocate(DType.F32, length, half);
    Tensor sin = backend.allocate(DType.F32, length, half);
    for (int position : positions) {
      float[] c = new float[half];
      float[] s = new float[half];
      for (int j = 0; j < half; j++) {
        double angle = position / (factors[j] * Math.pow(theta, (double) j / half));
        c[j] = (float) (scaling * Math.cos(angle));
        s[j] = (float) (scaling * Math.sin(angle));
      }
      backend.upload(c, 0, cos.rows(position, position + 1));
      backend.upload(s, 0, sin.rows(position, position + 1));
    }
    Tensor x = tensor(file.floats("x"), shape[0], shape[1] * headDim);
    int[] start = new int[positions.length + 1]; // every position is a sequence of one row
    int[] slots = new int[positions.length];
    for (int i = 0; i < positions.length; i++) {
      start[i + 1] = i + 1;
      slots[i] = i;
    }
    backend.rope(new Batch(start, slots, positions), x, cos, sin, headDim);
    assertNear(file, "out", x);
  }

  private Tensor tensor(GoldenFile file, String name) {
    int[] shape = file.shape(name);
    assertEquals(2, shape.length, name);
    return tensor(file.floats(name), shape[0], shape[1]);
  }

  private Tensor vector(GoldenFile file, String name) {
    float[] values = file.floats(name);
    return tensor(values, 1, values.length);
  }

  private Tensor tensor(float[] values, int rows, int cols) {
    Tensor tensor = backend.allocate(DType.F32, rows, cols);
    backend.upload(values, 0, tensor);
    return tensor;
  }

  private Weight weight(GoldenFile file, String name) {
    int[] shape = file.shape(name);
    Weight weight = backend.weight(shape[0], shape[1], DType.F32);
    weight.setRows(0, Bytes.of(file.floats(name), DType.F32), DType.F32);
    return weight;
  }

  /** [rows, cols] as [cols, rows]. */
  private static float[] transposed(float[] values, int rows, int cols) {
    float[] result = new float[values.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        result[c * rows + r] = values[r * cols + c];
      }
    }
    return result;
  }

  private void assertNear(GoldenFile file, String name, Tensor got) {
    assertNear(name, file.floats(name), got);
  }

  /** Row by row, since the rows of this file differ by orders of magnitude. */
  private void assertRowsNear(GoldenFile file, String name, Tensor got) {
    float[] wanted = file.floats(name);
    for (int r = 0; r < got.rows(); r++) {
      float[] row = Arrays.copyOfRange(wanted, r * got.cols(), (r + 1) * got.cols());
      assertNear(name + "[" + r + "]", row, got.rows(r, r + 1));
    }
  }

  private void assertNear(String name, float[] wanted, Tensor tensor) {
    float[] got = new float[tensor.rows() * tensor.cols()];
    backend.download(tensor, got, 0);
    assertEquals(wanted.length, got.length, name);
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < got.length; i++) {
      largest = Math.max(largest, Math.abs((double) wanted[i]));
      worst = Math.max(worst, Math.abs((double) got[i] - wanted[i]));
    }
    if (!(worst <= TOLERANCE * largest)) {
      assertArrayEquals(wanted, got, (float) (TOLERANCE * largest), name);
    }
    assertTrue(worst <= TOLERANCE * largest, name); // also for NaN
  }
}
