package io.sambay4j.backend;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The operations of a forward pass on one device, named as in {@code sambay.h}, whose comments are
 * the contract: shapes, what may alias, equations and sources. {@link ReferenceBackend} states them
 * as plain loops; {@code NativeBackend} runs them on a native device.
 *
 * <p>Work is done in the order of the calls. Calls from several threads wait for one another. Every
 * owner ({@link Storage}, {@link Weight}) must be closed before its backend; using anything after
 * close is an {@link IllegalStateException}.
 */
public interface Backend extends AutoCloseable {
  /** One line for people: device, target, threads. */
  String description();

  /** Zeroed memory for a contiguous matrix [rows, cols]; {@link Tensor#storage} owns it. */
  Tensor allocate(DType dtype, int rows, int cols);

  /** A weight matrix [rows, cols] = [outputs, inputs] kept as {@code storage}. */
  Weight weight(int rows, int cols, DType storage);

  /**
   * Writes {@code from} (row-major, rows * cols numbers from {@code start}) into {@code to},
   * rounding to its dtype.
   */
  void upload(float[] from, int start, Tensor to);

  /** Reads {@code from} into {@code to} (row-major, from {@code start}), widening to f32. */
  void download(Tensor from, float[] to, int start);

  /** to = from, converting the dtype; the same shape. */
  void copy(Tensor from, Tensor to);

  /** Every element becomes 0. */
  void zero(Tensor tensor);

  /**
   * A matrix product with what stands before and after it: p = norm(x) Wᵀ + bias, and y is what the
   * {@link Epilogue} makes of p.
   */
  void linear(LinearArgs args);

  /** y = x Wᵀ (+ bias); with {@code accumulate} y += x Wᵀ (+ bias), the residual connection. */
  default void linear(
      Tensor x, Weight weight, @Nullable Tensor bias, Tensor y, boolean accumulate) {
    Epilogue epilogue = accumulate ? Epilogue.ACCUMULATE : Epilogue.STORE;
    linear(new LinearArgs(x, null, weight, bias, epilogue, null, y));
  }

  /** y[t] = table[ids[t]]. */
  void embedding(Weight table, int[] ids, Tensor y);

  /** y[i] = x[rows[i]]. */
  void gatherRows(Tensor x, int[] rows, Tensor y);

  /** y = (x - mean) / sqrt(var + eps) * weight + bias, per row. */
  void layerNorm(Tensor x, Tensor weight, Tensor bias, float eps, Tensor y);

  /** y = x / sqrt(mean(x²) + eps) * weight, per row. */
  void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y);

  /** y = silu(gate) * up, [gate | up] = gateUp [tokens, 2 * features]. */
  void swiglu(Tensor gateUp, Tensor y);

  /**
   * y = silu(gate) * memory; with {@code normWeight} RMS-normalised in {@code normGroups} groups of
   * channels.
   */
  void gmu(
      Tensor gate, Tensor memory, @Nullable Tensor normWeight, float eps, int normGroups, Tensor y);

  /**
   * Depthwise causal convolution with SiLU; reads and leaves the tail [slots * (taps - 1), inner].
   */
  void causalConv1d(
      Batch batch, Tensor x, Tensor weight, @Nullable Tensor bias, Tensor tail, Tensor y);

  /** The fused selective scan of Mamba; see {@link ScanArgs}. */
  void selectiveScan(Batch batch, ScanArgs args);

  /** Appends the rows k, v [tokens, kvHeads * headDim] to the cache at their positions. */
  void kvAppend(Batch batch, Tensor k, Tensor v, KeyValueView kv);

  /**
   * Copies positions {@code first} to {@code first + k.rows() - 1} of sequence s of the view into
   * k, v.
   */
  void kvRead(KeyValueView kv, int s, int first, Tensor k, Tensor v);

  /**
   * Causal grouped attention of a chunk of queries against any past. Keys before the batch's
   * positions come from {@code kv}; the chunk's own from k, v when given, else from {@code kv} too.
   */
  void attention(
      Batch batch,
      AttentionShape shape,
      Tensor q,
      @Nullable Tensor k,
      @Nullable Tensor v,
      @Nullable KeyValueView kv,
      Tensor y);

  /**
   * Differential attention, interleaved pairs: RMSNorm(A1 - lambda A2; sublnWeight, eps) *
   * outScale.
   */
  void diffAttention(
      Batch batch,
      AttentionShape shape,
      Differential differential,
      Tensor q,
      @Nullable Tensor k,
      @Nullable Tensor v,
      @Nullable KeyValueView kv,
      Tensor y);

  /** Rotary position embedding in place, halves layout; tables [positions, rotated / 2]. */
  void rope(Batch batch, Tensor x, Tensor cos, Tensor sin, int headDim);

  /** Chooses one token for each row of logits [n, vocabulary] f32. */
  void sample(Tensor logits, Draws draws);

  /** Whether {@link #sample} saves time over fetching logits and choosing in Java. */
  default boolean samples() {
    return false;
  }

  /** Memory of its own, as it is now; empty where it uses this machine's. */
  default Optional<DeviceMemory> ownMemory() {
    return Optional.empty();
  }

  /** Whether {@link #record} is here and saves time: where starting an operation costs any. */
  default boolean recordsGraphs() {
    return false;
  }

  /**
   * Records what {@code operations} calls on this backend, without running it. An operation that
   * would have to allocate is refused: run the same ones once before.
   *
   * @throws UnsupportedOperationException where the device keeps no graphs
   */
  default Graph record(Runnable operations) {
    throw new UnsupportedOperationException(description() + " keeps no graphs");
  }

  @Override
  void close();

  /**
   * Arguments of {@link #linear(LinearArgs)}; see {@code sy_linear}.
   *
   * @param x [tokens, inputs]
   * @param norm of the rows of x, or null: as they are
   * @param weight [outputs, inputs]
   * @param bias [1, outputs] f32
   * @param epilogue what becomes of the product
   * @param memory [tokens, outputs] with {@link Epilogue#GMU}, else null
   * @param y [tokens, outputs], with {@link Epilogue#SWIGLU} [tokens, outputs / 2]
   */
  record LinearArgs(
      Tensor x,
      @Nullable Norm norm,
      Weight weight,
      @Nullable Tensor bias,
      Epilogue epilogue,
      @Nullable Tensor memory,
      Tensor y) {}

  /** What becomes of a product p. */
  enum Epilogue {
    /** y = p. */
    STORE,
    /** y = y + p: the residual connection. */
    ACCUMULATE,
    /** y = silu(gate) * up, [gate | up] = p (Shazeer 2020). */
    SWIGLU,
    /** y = silu(p) * memory (Ren et al. 2025). */
    GMU
  }

  /**
   * Arguments of {@link #selectiveScan}; see {@code sy_selective_scan} for the recurrence (Gu and
   * Dao 2023, section 3.2).
   *
   * @param x [tokens, inner]
   * @param delta [tokens, inner], before bias and softplus
   * @param deltaBias [1, inner] f32
   * @param a [state, inner] f32, already -exp(A_log)
   * @param b [tokens, state]
   * @param c [tokens, state]
   * @param d [1, inner] f32: the skip
   * @param z [tokens, inner], or null: no gate
   * @param state [slots * state, inner] f32, read and left behind updated
   * @param y [tokens, inner]; may be x, or null if only {@code yUngated} is wanted
   * @param yUngated [tokens, inner], or null: y before the gate, the memory of the GMUs
   */
  record ScanArgs(
      Tensor x,
      Tensor delta,
      @Nullable Tensor deltaBias,
      Tensor a,
      Tensor b,
      Tensor c,
      @Nullable Tensor d,
      @Nullable Tensor z,
      Tensor state,
      @Nullable Tensor y,
      @Nullable Tensor yUngated) {}

  /**
   * What makes an attention layer differential (Ye et al. 2024).
   *
   * @param lambda weight of the second softmax
   * @param outScale 1 - lambda_init
   * @param sublnWeight [1, 2 * headDim] f32
   * @param eps of the sub-norm
   */
  record Differential(float lambda, float outScale, Tensor sublnWeight, float eps) {}
}
