package io.sambay4j.cli;

import io.sambay4j.backend.AttentionShape;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backend.Differential;
import io.sambay4j.backend.Backend.Epilogue;
import io.sambay4j.backend.Backend.LinearArgs;
import io.sambay4j.backend.Backend.ScanArgs;
import io.sambay4j.backend.Batch;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.Draws;
import io.sambay4j.backend.KeyValueView;
import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * One operation on random inputs: the same seed gives every backend the same numbers, so that what
 * two of them return can be compared.
 */
final class KernelCheck {
  /** Sums in f32 against sums in double precision. */
  private static final double F32_LIMIT = 1e-5;

  /** Two roundings to 8 bits. */
  private static final double BF16_LIMIT = 1e-2;

  private static final float EPS = 1e-5f;
  private static final String SAMPLE = "sample";

  // Three sequences: a new one, one of one token, one far along; odd widths meet every remainder of
  // the kernels' loops.
  private static final int[] STARTS = {0, 13, 14, 37};
  private static final int[] SLOTS = {2, 0, 1};
  private static final int[] POSITIONS = {0, 9, 40};
  private static final int TOKENS = 37;
  private static final int WIDTH = 203;

  private final String operation;
  private final DType activations;
  private final double limit;
  private final Kernel kernel;

  /** Calls the operation. */
  private interface Kernel {
    /** Returns the tensors it wrote. */
    List<Tensor> run(Inputs in);
  }

  private KernelCheck(String operation, DType activations, Kernel kernel) {
    this.operation = operation;
    this.activations = activations;
    this.limit = activations == DType.F32 ? F32_LIMIT : BF16_LIMIT;
    this.kernel = kernel;
  }

  String operation() {
    return operation;
  }

  String activations() {
    return Names.of(activations);
  }

  double limit() {
    return limit;
  }

  /** Whether the operation is there: the CPU leaves sampling to Java. */
  boolean runsOn(Backend backend) {
    return !operation.equals(SAMPLE) || backend.samples();
  }

  /** Runs the operation and returns what it wrote. */
  float[][] run(Backend backend, long seed) {
    try (Inputs in = new Inputs(backend, activations, new SplittableRandom(seed))) {
      return kernel.run(in).stream().map(in::floats).toArray(float[][]::new);
    }
  }

  /** Every operation, with f32 and with bf16 activations. */
  static List<KernelCheck> all() {
    List<KernelCheck> all = new ArrayList<>();
    for (DType activations : new DType[] {DType.F32, DType.BF16}) {
      for (DType stored : DType.ofTensors()) {
        String suffix = " " + Names.of(stored);
        add(all, "linear" + suffix, activations, in -> linear(in, stored, TOKENS, false));
        add(all, "linear" + suffix + ", one row", activations, in -> linear(in, stored, 1, false));
        add(all, "linear" + suffix + ", adding", activations, in -> linear(in, stored, 5, true));
        add(all, "linear" + suffix + ", norm, swiglu", activations, in -> swigluOfNorm(in, stored));
        add(all, "linear" + suffix + ", norm, gmu", activations, in -> gmuOfNorm(in, stored));
        add(all, "embedding" + suffix, activations, in -> embedding(in, stored));
      }
      add(all, "gather_rows", activations, KernelCheck::gatherRows);
      add(all, "copy", activations, KernelCheck::copy);
      add(all, "layer_norm", activations, KernelCheck::layerNorm);
      add(all, "rms_norm", activations, KernelCheck::rmsNorm);
      add(all, "swiglu", activations, KernelCheck::swiglu);
      add(all, "gmu", activations, in -> gmu(in, 0));
      add(all, "gmu, normalised", activations, in -> gmu(in, 1));
      add(all, "gmu, 7 groups", activations, in -> gmu(in, 7));
      add(all, "causal_conv1d", activations, KernelCheck::causalConv1d);
      add(all, "selective_scan", activations, in -> selectiveScan(in, true));
      add(all, "selective_scan, no gate", activations, in -> selectiveScan(in, false));
      add(all, "kv_append, kv_read", activations, KernelCheck::keyValues);
      add(all, "attention, window", activations, in -> attention(in, 8, false));
      add(all, "attention, full", activations, in -> attention(in, 0, false));
      add(all, "diff_attention, window", activations, in -> attention(in, 8, true));
      add(all, "diff_attention, full", activations, in -> attention(in, 0, true));
      add(all, "rope", activations, KernelCheck::rope);
    }
    add(all, SAMPLE, DType.F32, KernelCheck::sample);
    return all;
  }

  private static void add(
      List<KernelCheck> all, String operation, DType activations, Kernel kernel) {
    all.add(new KernelCheck(operation, activations, kernel));
  }

  private static List<Tensor> linear(Inputs in, DType stored, int rows, boolean adding) {
    Tensor y = in.random(in.activations, rows, 67);
    in.backend.linear(
        in.random(in.activations, rows, WIDTH),
        in.weight(67, WIDTH, stored),
        adding ? null : in.vector(67),
        y,
        adding);
    return List.of(y);
  }

  private static List<Tensor> swigluOfNorm(Inputs in, DType stored) {
    Norm norm = new Norm(in.vector(WIDTH), null, EPS, DType.F32);
    Tensor y = in.output(5, 33);
    in.backend.linear(
        new LinearArgs(
            in.random(DType.F32, 5, WIDTH),
            norm,
            in.weight(66, WIDTH, stored),
            in.vector(66),
            Epilogue.SWIGLU,
            null,
            y));
    return List.of(y);
  }

  private static List<Tensor> gmuOfNorm(Inputs in, DType stored) {
    Norm norm = new Norm(in.vector(WIDTH), in.vector(WIDTH), EPS, DType.F32);
    Tensor y = in.output(5, 67);
    in.backend.linear(
        new LinearArgs(
            in.random(DType.F32, 5, WIDTH),
            norm,
            in.weight(67, WIDTH, stored),
            null,
            Epilogue.GMU,
            in.random(in.activations, 5, 67),
            y));
    return List.of(y);
  }

  /** The tokens, which must be the same: one draw of each kind. */
  private static List<Tensor> sample(Inputs in) {
    Tensor logits = in.random(DType.F32, 5, 3001);
    Draws draws = new Draws(5);
    draws.set(1, 1, 0, 1, 0, in.random.nextLong());
    draws.set(2, 0.7, 40, 1, 0, in.random.nextLong());
    draws.set(3, 0.7, 0, 0.9, 0, in.random.nextLong());
    draws.set(4, 0.02, 500, 0.95, 0.05, in.random.nextLong());
    in.backend.sample(logits, draws);
    float[] tokens = new float[5];
    for (int i = 0; i < 5; i++) {
      tokens[i] = draws.token()[i];
    }
    Tensor chosen = in.allocate(DType.F32, 1, 5);
    in.backend.upload(tokens, 0, chosen);
    return List.of(chosen);
  }

  private static List<Tensor> embedding(Inputs in, DType stored) {
    Tensor y = in.output(5, WIDTH);
    in.backend.embedding(in.weight(31, WIDTH, stored), new int[] {0, 30, 7, 7, 1}, y);
    return List.of(y);
  }

  private static List<Tensor> gatherRows(Inputs in) {
    Tensor y = in.output(3, WIDTH);
    in.backend.gatherRows(in.random(in.activations, TOKENS, WIDTH), new int[] {36, 0, 12}, y);
    return List.of(y);
  }

  private static List<Tensor> copy(Inputs in) {
    Tensor x = in.random(in.activations, TOKENS, WIDTH);
    Tensor wide = in.allocate(DType.F32, TOKENS, WIDTH);
    Tensor back = in.output(TOKENS, WIDTH);
    Tensor cleared = in.random(in.activations, 3, WIDTH);
    in.backend.copy(x, wide);
    in.backend.copy(wide, back);
    in.backend.zero(cleared);
    return List.of(wide, back, cleared);
  }

  private static List<Tensor> layerNorm(Inputs in) {
    Tensor y = in.output(TOKENS, WIDTH);
    Tensor x = in.random(DType.F32, TOKENS, WIDTH);
    in.backend.layerNorm(x, in.vector(WIDTH), in.vector(WIDTH), EPS, y);
    return List.of(y);
  }

  private static List<Tensor> rmsNorm(Inputs in) {
    Tensor y = in.output(TOKENS, WIDTH);
    in.backend.rmsNorm(in.random(DType.F32, TOKENS, WIDTH), in.vector(WIDTH), EPS, y);
    return List.of(y);
  }

  private static List<Tensor> swiglu(Inputs in) {
    Tensor y = in.output(TOKENS, WIDTH);
    in.backend.swiglu(in.random(in.activations, TOKENS, 2 * WIDTH), y);
    return List.of(y);
  }

  private static List<Tensor> gmu(Inputs in, int groups) {
    Tensor gate = in.random(in.activations, TOKENS, WIDTH);
    Tensor memory = in.random(in.activations, TOKENS, WIDTH);
    Tensor y = in.output(TOKENS, WIDTH);
    in.backend.gmu(gate, memory, groups == 0 ? null : in.vector(WIDTH), EPS, groups, y);
    return List.of(y);
  }

  private static Batch batch() {
    return new Batch(STARTS, SLOTS, POSITIONS);
  }

  private static List<Tensor> causalConv1d(Inputs in) {
    int taps = 4;
    Tensor tail = in.random(in.activations, SLOTS.length * (taps - 1), WIDTH);
    Tensor y = in.output(TOKENS, WIDTH);
    in.backend.causalConv1d(
        batch(),
        in.random(in.activations, TOKENS, WIDTH),
        in.random(DType.F32, taps, WIDTH),
        in.vector(WIDTH),
        tail,
        y);
    return List.of(y, tail);
  }

  private static List<Tensor> selectiveScan(Inputs in, boolean gated) {
    int states = 16;
    Tensor state = in.random(DType.F32, SLOTS.length * states, WIDTH);
    Tensor y = in.output(TOKENS, WIDTH);
    Tensor ungated = in.output(TOKENS, WIDTH);
    in.backend.selectiveScan(
        batch(),
        new ScanArgs(
            in.random(in.activations, TOKENS, WIDTH),
            in.random(in.activations, TOKENS, WIDTH),
            in.vector(WIDTH),
            in.negative(states, WIDTH),
            in.random(in.activations, TOKENS, states),
            in.random(in.activations, TOKENS, states),
            in.vector(WIDTH),
            gated ? in.random(in.activations, TOKENS, WIDTH) : null,
            state,
            y,
            gated ? ungated : null));
    return gated ? List.of(y, ungated, state) : List.of(y, state);
  }

  private static final int HEADS = 8;
  private static final int KV_HEADS = 4;
  private static final int HEAD_DIM = 24;
  private static final int KV_WIDTH = KV_HEADS * HEAD_DIM;
  private static final int BLOCK = 16;
  private static final int BLOCKS_EACH = 4; // 64 positions, one more than the third sequence has

  /**
   * A growing cache in blocks dealt out like cards, or rings of {@code window} rows, holding each
   * sequence's past.
   */
  private static KeyValueView cache(Inputs in, int window) {
    KeyValueView view;
    if (window > 0) {
      int rows = SLOTS.length * window;
      view =
          new KeyValueView(
              in.allocate(in.activations, rows, KV_WIDTH),
              in.allocate(in.activations, rows, KV_WIDTH),
              window,
              1,
              SLOTS);
    } else {
      int[] table = new int[SLOTS.length * BLOCKS_EACH];
      for (int i = 0; i < table.length; i++) {
        table[i] = (i % BLOCKS_EACH) * SLOTS.length + i / BLOCKS_EACH;
      }
      int rows = table.length * BLOCK;
      view =
          new KeyValueView(
              in.allocate(in.activations, rows, KV_WIDTH),
              in.allocate(in.activations, rows, KV_WIDTH),
              BLOCK,
              BLOCKS_EACH,
              table);
    }
    for (int s = 0; s < SLOTS.length; s++) {
      if (POSITIONS[s] > 0) {
        KeyValueView one = oneSequence(view, s);
        in.backend.kvAppend(
            new Batch(new int[] {0, POSITIONS[s]}, new int[] {SLOTS[s]}, new int[] {0}),
            in.random(in.activations, POSITIONS[s], KV_WIDTH),
            in.random(in.activations, POSITIONS[s], KV_WIDTH),
            one);
      }
    }
    return view;
  }

  private static KeyValueView oneSequence(KeyValueView view, int s) {
    int[] table = new int[view.tableCols()];
    System.arraycopy(view.table(), s * table.length, table, 0, table.length);
    return new KeyValueView(
        view.keys(), view.values(), view.blockTokens(), view.tableCols(), table);
  }

  private static List<Tensor> keyValues(Inputs in) {
    List<Tensor> all = new ArrayList<>();
    for (int window : new int[] {0, 8}) {
      KeyValueView view = cache(in, window);
      in.backend.kvAppend(
          batch(),
          in.random(in.activations, TOKENS, KV_WIDTH),
          in.random(in.activations, TOKENS, KV_WIDTH),
          view);
      for (int s = 0; s < SLOTS.length; s++) {
        int length = POSITIONS[s] + STARTS[s + 1] - STARTS[s];
        int rows = Math.min(length, view.capacity());
        Tensor k = in.allocate(DType.F32, rows, KV_WIDTH);
        Tensor v = in.allocate(DType.F32, rows, KV_WIDTH);
        in.backend.kvRead(view, s, length - rows, k, v);
        all.add(k);
        all.add(v);
      }
    }
    return all;
  }

  /**
   * With a window the chunk's own keys come beside the ring, without one they are in the cache
   * already.
   */
  private static List<Tensor> attention(Inputs in, int window, boolean differential) {
    AttentionShape shape = new AttentionShape(HEADS, KV_HEADS, HEAD_DIM, window);
    KeyValueView view = cache(in, window);
    Tensor q = in.random(in.activations, TOKENS, HEADS * HEAD_DIM);
    @Nullable Tensor k = in.random(in.activations, TOKENS, KV_WIDTH);
    @Nullable Tensor v = in.random(in.activations, TOKENS, KV_WIDTH);
    if (window == 0) {
      in.backend.kvAppend(batch(), k, v, view);
      k = null;
      v = null;
    }
    Tensor y = in.output(TOKENS, HEADS * HEAD_DIM);
    if (differential) {
      Differential difference = new Differential(0.4f, 0.6f, in.vector(2 * HEAD_DIM), EPS);
      in.backend.diffAttention(batch(), shape, difference, q, k, v, view, y);
    } else {
      in.backend.attention(batch(), shape, q, k, v, view, y);
    }
    return List.of(y);
  }

  private static List<Tensor> rope(Inputs in) {
    Tensor x = in.random(in.activations, TOKENS, HEADS * HEAD_DIM);
    in.backend.rope(
        batch(), x, in.random(DType.F32, 64, 10), in.random(DType.F32, 64, 10), HEAD_DIM);
    return List.of(x);
  }

  /** Makes tensors of random numbers on one backend, and gives them back. */
  private static final class Inputs implements AutoCloseable {
    final Backend backend;
    final DType activations;
    private final SplittableRandom random;
    private final List<AutoCloseable> owned = new ArrayList<>();

    Inputs(Backend backend, DType activations, SplittableRandom random) {
      this.backend = backend;
      this.activations = activations;
      this.random = random;
    }

    Tensor allocate(DType dtype, int rows, int cols) {
      Tensor tensor = backend.allocate(dtype, rows, cols);
      owned.add(tensor.storage());
      return tensor;
    }

    Tensor output(int rows, int cols) {
      return allocate(activations, rows, cols);
    }

    /** Numbers between -1 and 1. */
    Tensor random(DType dtype, int rows, int cols) {
      Tensor tensor = allocate(dtype, rows, cols);
      backend.upload(numbers(rows * cols, -1), 0, tensor);
      return tensor;
    }

    Tensor vector(int n) {
      return random(DType.F32, 1, n);
    }

    /** Numbers between -1 and 0. */
    Tensor negative(int rows, int cols) {
      Tensor tensor = allocate(DType.F32, rows, cols);
      float[] values = numbers(rows * cols, 0);
      for (int i = 0; i < values.length; i++) {
        values[i] = -values[i];
      }
      backend.upload(values, 0, tensor);
      return tensor;
    }

    Weight weight(int rows, int cols, DType stored) {
      Weight weight = backend.weight(rows, cols, stored);
      owned.add(weight);
      ByteBuffer bytes =
          ByteBuffer.allocateDirect(rows * cols * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(numbers(rows * cols, -1));
      weight.setRows(0, bytes, DType.F32);
      return weight;
    }

    private float[] numbers(int n, int from) {
      float[] values = new float[n];
      for (int i = 0; i < n; i++) {
        values[i] = (float) random.nextDouble(from, 1);
      }
      return values;
    }

    float[] floats(Tensor tensor) {
      float[] values = new float[tensor.rows() * tensor.cols()];
      backend.download(tensor, values, 0);
      return values;
    }

    @Override
    public void close() {
      for (AutoCloseable part : owned) {
        try {
          part.close();
        } catch (Exception e) {
          throw new IllegalStateException("closing " + part, e);
        }
      }
    }
  }
}
