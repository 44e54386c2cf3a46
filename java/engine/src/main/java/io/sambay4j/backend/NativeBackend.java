package io.sambay4j.backend;

import static io.sambay4j.backend.NativeDevice.check;
import static io.sambay4j.bindings.global.Native.SY_LINEAR_ACCUMULATE;
import static io.sambay4j.bindings.global.Native.SY_LINEAR_GMU;
import static io.sambay4j.bindings.global.Native.SY_LINEAR_SWIGLU;
import static io.sambay4j.bindings.global.Native.sy_attention;
import static io.sambay4j.bindings.global.Native.sy_causal_conv1d;
import static io.sambay4j.bindings.global.Native.sy_copy;
import static io.sambay4j.bindings.global.Native.sy_device_after_stream;
import static io.sambay4j.bindings.global.Native.sy_device_memory;
import static io.sambay4j.bindings.global.Native.sy_device_stream;
import static io.sambay4j.bindings.global.Native.sy_diff_attention;
import static io.sambay4j.bindings.global.Native.sy_download;
import static io.sambay4j.bindings.global.Native.sy_embedding;
import static io.sambay4j.bindings.global.Native.sy_gather_rows;
import static io.sambay4j.bindings.global.Native.sy_gmu;
import static io.sambay4j.bindings.global.Native.sy_kv_append;
import static io.sambay4j.bindings.global.Native.sy_kv_read;
import static io.sambay4j.bindings.global.Native.sy_layer_norm;
import static io.sambay4j.bindings.global.Native.sy_linear;
import static io.sambay4j.bindings.global.Native.sy_measure_limits;
import static io.sambay4j.bindings.global.Native.sy_rms_norm;
import static io.sambay4j.bindings.global.Native.sy_rope;
import static io.sambay4j.bindings.global.Native.sy_sample;
import static io.sambay4j.bindings.global.Native.sy_selective_scan;
import static io.sambay4j.bindings.global.Native.sy_stream_after_device;
import static io.sambay4j.bindings.global.Native.sy_swiglu;
import static io.sambay4j.bindings.global.Native.sy_synchronize;
import static io.sambay4j.bindings.global.Native.sy_timer_start;
import static io.sambay4j.bindings.global.Native.sy_timer_stop;
import static io.sambay4j.bindings.global.Native.sy_upload;
import static io.sambay4j.bindings.global.Native.sy_weight_set_quantized_rows;
import static io.sambay4j.bindings.global.Native.sy_weight_set_rows;
import static io.sambay4j.bindings.global.Native.sy_zero;

import io.sambay4j.bindings.sy_kv;
import io.sambay4j.bindings.sy_limits;
import io.sambay4j.bindings.sy_norm;
import io.sambay4j.bindings.sy_quantized;
import io.sambay4j.bindings.sy_tensor;
import io.sambay4j.bindings.sy_weight;
import io.sambay4j.weights.HalfPrecision;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * The operations on a native device: every method checks its arguments, writes them into the
 * structs of sambay.h and calls the function of the same name.
 *
 * <p>One lock a backend: calls wait for one another, closing waits for the call that runs. Closing
 * frees what was not closed before; what is garbage collected unclosed is freed as well, with a
 * line at DEBUG.
 */
public final class NativeBackend implements Backend {
  private final NativeDevice device;
  private final Cleaner.Cleanable cleanable;

  private NativeBackend(NativeDevice device) {
    this.device = device;
    this.cleanable = NativeDevice.afterwards(this, device::abandoned);
  }

  /**
   * Opens a device of the native library; see {@code sy_device_create}. Ask {@link
   * NativeLibrary#isAvailable} first.
   *
   * @param kind "cpu", or "cuda" once its library is open
   * @param target null or "auto": the best of this machine; for "cuda" the number of the card
   * @param threads 0: one for each core
   * @throws io.sambay4j.NativeException if the target cannot run on this machine
   */
  public static NativeBackend open(String kind, @Nullable String target, int threads) {
    return new NativeBackend(new NativeDevice(kind, target, threads));
  }

  @Override
  public String description() {
    return device.description();
  }

  /**
   * Measures what this device reaches at best, for about so many seconds; see {@code
   * sy_measure_limits}. Takes 1 GiB meanwhile, and other calls wait.
   *
   * @param seconds more than 0, at most 600
   */
  public DeviceLimits measureLimits(double seconds) {
    synchronized (device) {
      try (sy_limits limits = new sy_limits()) {
        check(sy_measure_limits(device.pointer(), seconds, limits));
        return new DeviceLimits(
            limits.read_bytes(),
            limits.f32_flops(),
            limits.bf16_flops(),
            limits.int8_ops(),
            limits.exps(),
            limits.copy_bytes());
      }
    }
  }

  @Override
  public Tensor allocate(DType dtype, int rows, int cols) {
    Checks.allocate(dtype, rows, cols);
    long elements = (long) rows * cols;
    long bytes = elements > Long.MAX_VALUE / 4 ? Long.MAX_VALUE : elements * dtype.bytes();
    Storage storage = new NativeStorage(this, device.buffer(bytes), elements);
    return new Tensor(storage, dtype, 0, rows, cols, cols);
  }

  @Override
  public Weight weight(int rows, int cols, DType storage) {
    Checks.weight(rows, cols, storage);
    return new NativeWeight(this, device.weight(rows, cols, storage), rows, cols, storage);
  }

  @Override
  public void upload(float[] from, int start, Tensor to) {
    synchronized (device) {
      BytePointer staging = device.begin().staging(to.dtype().bytes());
      NativeDevice.Buffer buffer = buffer(to);
      Checks.transfer("upload", from, start, to);
      int most = (int) staging.capacity() / to.dtype().bytes();
      for (int r = 0; r < to.rows(); r++) {
        for (int c = 0; c < to.cols(); c += most) {
          int count = Math.min(most, to.cols() - c);
          write(from, start + r * to.cols() + c, count, to.dtype(), bytes(staging));
          long offset = (to.offset() + (long) r * to.stride() + c) * to.dtype().bytes();
          long bytes = (long) count * to.dtype().bytes();
          check(sy_upload(device.pointer(), buffer.pointer, offset, staging, bytes));
        }
      }
    }
  }

  @Override
  public void download(Tensor from, float[] to, int start) {
    synchronized (device) {
      BytePointer staging = device.begin().staging(from.dtype().bytes());
      NativeDevice.Buffer buffer = buffer(from);
      Checks.transfer("download", to, start, from);
      int most = (int) staging.capacity() / from.dtype().bytes();
      for (int r = 0; r < from.rows(); r++) {
        for (int c = 0; c < from.cols(); c += most) {
          int count = Math.min(most, from.cols() - c);
          long offset = (from.offset() + (long) r * from.stride() + c) * from.dtype().bytes();
          long bytes = (long) count * from.dtype().bytes();
          check(sy_download(device.pointer(), buffer.pointer, offset, staging, bytes));
          read(bytes(staging), from.dtype(), to, start + r * from.cols() + c, count);
        }
      }
    }
  }

  private static ByteBuffer bytes(BytePointer memory) {
    return memory.asByteBuffer().order(ByteOrder.nativeOrder());
  }

  private static void write(float[] from, int start, int count, DType dtype, ByteBuffer to) {
    switch (dtype) {
      case F32 -> to.asFloatBuffer().put(from, start, count);
      case F16 -> {
        for (int i = start; i < start + count; i++) {
          to.putShort(HalfPrecision.toF16(from[i]));
        }
      }
      case BF16 -> {
        for (int i = start; i < start + count; i++) {
          to.putShort(HalfPrecision.toBf16(from[i]));
        }
      }
      case INT8, INT4 -> throw new IllegalArgumentException(dtype + " is for weights only");
    }
  }

  private static void read(ByteBuffer from, DType dtype, float[] to, int start, int count) {
    switch (dtype) {
      case F32 -> from.asFloatBuffer().get(to, start, count);
      case F16 -> {
        for (int i = start; i < start + count; i++) {
          to[i] = HalfPrecision.fromF16(from.getShort());
        }
      }
      case BF16 -> {
        for (int i = start; i < start + count; i++) {
          to[i] = HalfPrecision.fromBf16(from.getShort());
        }
      }
      case INT8, INT4 -> throw new IllegalArgumentException(dtype + " is for weights only");
    }
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    synchronized (device) {
      device.begin();
      Checks.copy(from, to);
      check(sy_copy(device.pointer(), view(from), view(to)));
    }
  }

  @Override
  public void zero(Tensor tensor) {
    synchronized (device) {
      device.begin();
      Checks.zero(tensor);
      check(sy_zero(device.pointer(), view(tensor)));
    }
  }

  @Override
  public void linear(LinearArgs args) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.linear(args);
      check(
          sy_linear(
              device.pointer(),
              arguments
                  .linear
                  .x(view(args.x()))
                  .norm(args.norm() == null ? null : norm(args.norm()))
                  .weight(packed(args.weight()))
                  .bias(optional(args.bias()))
                  .memory(optional(args.memory()))
                  .y(view(args.y()))
                  .flags(flags(args.epilogue()))));
    }
  }

  private sy_norm norm(Norm norm) {
    return device
        .arguments
        .norm
        .weight(view(norm.weight()))
        .bias(optional(norm.bias()))
        .eps(norm.eps())
        .dtype(NativeArguments.nativeDtype(norm.dtype()));
  }

  private static int flags(Epilogue epilogue) {
    return switch (epilogue) {
      case STORE -> 0;
      case ACCUMULATE -> SY_LINEAR_ACCUMULATE;
      case SWIGLU -> SY_LINEAR_SWIGLU;
      case GMU -> SY_LINEAR_GMU;
    };
  }

  @Override
  public void embedding(Weight table, int[] ids, Tensor y) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.embedding(table, ids, y);
      check(
          sy_embedding(
              device.pointer(),
              arguments
                  .embedding
                  .table(packed(table))
                  .ids(arguments.arrays().ints(ids))
                  .y(view(y))));
    }
  }

  @Override
  public void gatherRows(Tensor x, int[] rows, Tensor y) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.gatherRows(x, rows, y);
      check(
          sy_gather_rows(
              device.pointer(),
              arguments.gatherRows.x(view(x)).rows(arguments.arrays().ints(rows)).y(view(y))));
    }
  }

  @Override
  public void layerNorm(Tensor x, Tensor weight, Tensor bias, float eps, Tensor y) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.layerNorm(x, weight, bias, eps, y);
      check(
          sy_layer_norm(
              device.pointer(),
              arguments
                  .layerNorm
                  .x(view(x))
                  .weight(view(weight))
                  .bias(view(bias))
                  .y(view(y))
                  .eps(eps)));
    }
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.rmsNorm(x, weight, eps, y);
      check(
          sy_rms_norm(
              device.pointer(),
              arguments.rmsNorm.x(view(x)).weight(view(weight)).y(view(y)).eps(eps)));
    }
  }

  @Override
  public void swiglu(Tensor gateUp, Tensor y) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.swiglu(gateUp, y);
      check(sy_swiglu(device.pointer(), arguments.swiglu.gate_up(view(gateUp)).y(view(y))));
    }
  }

  @Override
  public void gmu(
      Tensor gate,
      Tensor memory,
      @Nullable Tensor normWeight,
      float eps,
      int normGroups,
      Tensor y) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.gmu(gate, memory, normWeight, eps, normGroups, y);
      check(
          sy_gmu(
              device.pointer(),
              arguments
                  .gmu
                  .gate(view(gate))
                  .memory(view(memory))
                  .norm_weight(optional(normWeight))
                  .y(view(y))
                  .eps(eps)
                  .norm_groups(normGroups)));
    }
  }

  @Override
  public void causalConv1d(
      Batch batch, Tensor x, Tensor weight, @Nullable Tensor bias, Tensor tail, Tensor y) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.causalConv1d(batch, x, weight, bias, tail, y);
      check(
          sy_causal_conv1d(
              device.pointer(),
              arguments
                  .causalConv1d
                  .batch(arguments.batch(batch))
                  .x(view(x))
                  .weight(view(weight))
                  .bias(optional(bias))
                  .tail(view(tail))
                  .y(view(y))));
    }
  }

  @Override
  public void selectiveScan(Batch batch, ScanArgs args) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.selectiveScan(batch, args);
      check(
          sy_selective_scan(
              device.pointer(),
              arguments
                  .selectiveScan
                  .batch(arguments.batch(batch))
                  .x(view(args.x()))
                  .delta(view(args.delta()))
                  .delta_bias(optional(args.deltaBias()))
                  .a(view(args.a()))
                  .b(view(args.b()))
                  .c(view(args.c()))
                  .d(optional(args.d()))
                  .z(optional(args.z()))
                  .state(view(args.state()))
                  .y(optional(args.y()))
                  .y_ungated(optional(args.yUngated()))));
    }
  }

  @Override
  public void kvAppend(Batch batch, Tensor k, Tensor v, KeyValueView kv) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.kvAppend(batch, k, v, kv);
      check(
          sy_kv_append(
              device.pointer(),
              arguments
                  .kvAppend
                  .batch(arguments.batch(batch))
                  .k(view(k))
                  .v(view(v))
                  .kv(cache(kv))));
    }
  }

  @Override
  public void kvRead(KeyValueView kv, int s, int first, Tensor k, Tensor v) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.kvRead(kv, s, first, k, v);
      check(
          sy_kv_read(
              device.pointer(),
              arguments.kvRead.kv(cache(kv)).sequence(s).first(first).k(view(k)).v(view(v))));
    }
  }

  @Override
  public void attention(
      Batch batch,
      AttentionShape shape,
      Tensor q,
      @Nullable Tensor k,
      @Nullable Tensor v,
      @Nullable KeyValueView kv,
      Tensor y) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.attention("attention", batch, shape, q, k, v, kv, y);
      check(
          sy_attention(
              device.pointer(),
              arguments
                  .attention
                  .batch(arguments.batch(batch))
                  .q(view(q))
                  .k(optional(k))
                  .v(optional(v))
                  .kv(kv == null ? null : cache(kv))
                  .y(view(y))
                  .heads(shape.heads())
                  .kv_heads(shape.kvHeads())
                  .head_dim(shape.headDim())
                  .window(shape.window())
                  .scale(shape.scale())));
    }
  }

  @Override
  public void diffAttention(
      Batch batch,
      AttentionShape shape,
      Differential differential,
      Tensor q,
      @Nullable Tensor k,
      @Nullable Tensor v,
      @Nullable KeyValueView kv,
      Tensor y) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.diffAttention(batch, shape, differential, q, k, v, kv, y);
      check(
          sy_diff_attention(
              device.pointer(),
              arguments
                  .diffAttention
                  .batch(arguments.batch(batch))
                  .q(view(q))
                  .k(optional(k))
                  .v(optional(v))
                  .kv(kv == null ? null : cache(kv))
                  .subln_weight(view(differential.sublnWeight()))
                  .y(view(y))
                  .heads(shape.heads())
                  .kv_heads(shape.kvHeads())
                  .head_dim(shape.headDim())
                  .window(shape.window())
                  .scale(shape.scale())
                  .lambda(differential.lambda())
                  .out_scale(differential.outScale())
                  .eps(differential.eps())));
    }
  }

  @Override
  public void rope(Batch batch, Tensor x, Tensor cos, Tensor sin, int headDim) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.rope(batch, x, cos, sin, headDim);
      check(
          sy_rope(
              device.pointer(),
              arguments
                  .rope
                  .batch(arguments.batch(batch))
                  .x(view(x))
                  .cos(view(cos))
                  .sin(view(sin))
                  .head_dim(headDim)));
    }
  }

  @Override
  public void sample(Tensor logits, Draws draws) {
    synchronized (device) {
      NativeArguments arguments = device.begin();
      Checks.sample(logits, draws);
      HostArrays arrays = arguments.arrays();
      check(
          sy_sample(
              device.pointer(),
              arguments
                  .sample
                  .logits(view(logits))
                  .temperature(arrays.doubles(draws.temperature()))
                  .top_k(arrays.ints(draws.topK()))
                  .top_p(arrays.doubles(draws.topP()))
                  .min_p(arrays.doubles(draws.minP()))
                  .random(arrays.longs(draws.random()))
                  .token(arrays.results(draws.token()))
                  .log_probability(arrays.results(draws.logProbability()))));
      arrays.deliver();
    }
  }

  @Override
  public boolean samples() {
    return true;
  }

  @Override
  public boolean recordsGraphs() {
    return device.isCard();
  }

  @Override
  public Graph record(Runnable operations) {
    synchronized (device) {
      return NativeGraph.record(device, operations);
    }
  }

  /** Waits until the device has done what was called. */
  public void synchronize() {
    synchronized (device) {
      check(sy_synchronize(device.pointer()));
    }
  }

  /** Memory of the device, as the system sees it now. */
  public DeviceMemory memory() {
    synchronized (device) {
      long[] free = new long[1];
      long[] total = new long[1];
      check(sy_device_memory(device.pointer(), free, total));
      return new DeviceMemory(free[0], total[0]);
    }
  }

  @Override
  public Optional<DeviceMemory> ownMemory() {
    return device.isCard() ? Optional.of(memory()) : Optional.empty();
  }

  /**
   * Seconds the device takes for what {@code operations} calls on this backend, by its own clock
   * where it has one: without the calls themselves, which run ahead of it.
   */
  public double seconds(Runnable operations) {
    synchronized (device) {
      double[] seconds = new double[1];
      check(sy_timer_start(device.pointer()));
      operations.run();
      check(sy_timer_stop(device.pointer(), seconds));
      return seconds[0];
    }
  }

  // ---- what CudaInterop is made of

  boolean isCard() {
    return device.isCard();
  }

  long deviceAddress(Tensor tensor) {
    synchronized (device) {
      device.pointer();
      return buffer(tensor).address + tensor.offset() * tensor.dtype().bytes();
    }
  }

  long streamAddress() {
    synchronized (device) {
      return sy_device_stream(device.pointer()).address();
    }
  }

  Tensor borrow(Pointer memory, DType dtype, int rows, int cols) {
    Checks.allocate(dtype, rows, cols);
    long elements = (long) rows * cols;
    long bytes = Math.multiplyExact(elements, dtype.bytes());
    long start = memory.position() * memory.sizeof();
    long known = memory.limit() * memory.sizeof() - start;
    if (memory.isNull()) {
      throw new IllegalArgumentException("the pointer to borrow is null");
    }
    if (memory.limit() > 0 && known < bytes) {
      throw new IllegalArgumentException(
          "the pointer to borrow has %d bytes, %s[%d, %d] takes %d"
              .formatted(known, dtype, rows, cols, bytes));
    }
    long address = memory.address() + start;
    if (address % dtype.bytes() != 0) {
      throw new IllegalArgumentException(
          "the pointer to borrow is not aligned to %s, %d bytes".formatted(dtype, dtype.bytes()));
    }
    Storage storage = new NativeStorage(this, device.borrow(memory, address, bytes), elements);
    return new Tensor(storage, dtype, 0, rows, cols, cols);
  }

  void runAfter(@Nullable Pointer stream) {
    synchronized (device) {
      check(sy_device_after_stream(device.pointer(), stream));
    }
  }

  void runBefore(@Nullable Pointer stream) {
    synchronized (device) {
      check(sy_stream_after_device(device.pointer(), stream));
    }
  }

  /** Waits for a call that runs; then frees the device and what is still open on it. */
  @Override
  public void close() {
    device.close();
    cleanable.clean();
  }

  /** A struct for the tensor, good for the current call. */
  private sy_tensor view(Tensor tensor) {
    long data = buffer(tensor).address + tensor.offset() * tensor.dtype().bytes();
    return device.arguments.tensor(
        data, tensor.dtype(), tensor.rows(), tensor.cols(), tensor.stride());
  }

  private @Nullable sy_tensor optional(@Nullable Tensor tensor) {
    return tensor == null ? null : view(tensor);
  }

  private sy_kv cache(KeyValueView kv) {
    return device.arguments.kv(kv, view(kv.keys()), view(kv.values()));
  }

  private NativeDevice.Buffer buffer(Tensor tensor) {
    if (!(tensor.storage() instanceof NativeStorage storage) || storage.backend != this) {
      throw new IllegalArgumentException(tensor + " belongs to another backend");
    }
    storage.buffer.checkOpen();
    return storage.buffer;
  }

  private sy_weight packed(Weight weight) {
    if (!(weight instanceof NativeWeight own) || own.backend != this) {
      throw new IllegalArgumentException(
          "the weight [%d, %d] belongs to another backend".formatted(weight.rows(), weight.cols()));
    }
    own.packed.checkOpen();
    return own.packed.pointer;
  }

  private static final class NativeStorage implements Storage {
    private final NativeBackend backend;
    private final NativeDevice.Buffer buffer;
    private final long size;
    private final Cleaner.Cleanable cleanable;

    NativeStorage(NativeBackend backend, NativeDevice.Buffer buffer, long size) {
      this.backend = backend;
      this.buffer = buffer;
      this.size = size;
      this.cleanable = NativeDevice.afterwards(this, buffer::abandoned);
    }

    @Override
    public long size() {
      return size;
    }

    @Override
    public void close() {
      buffer.close();
      cleanable.clean();
    }
  }

  private static final class NativeWeight implements Weight {
    private final NativeBackend backend;
    private final NativeDevice.PackedWeight packed;
    private final int rows;
    private final int cols;
    private final DType dtype;
    private final Cleaner.Cleanable cleanable;

    NativeWeight(
        NativeBackend backend, NativeDevice.PackedWeight packed, int rows, int cols, DType dtype) {
      this.backend = backend;
      this.packed = packed;
      this.rows = rows;
      this.cols = cols;
      this.dtype = dtype;
      this.cleanable = NativeDevice.afterwards(this, packed::abandoned);
    }

    @Override
    public int rows() {
      return rows;
    }

    @Override
    public int cols() {
      return cols;
    }

    @Override
    public DType dtype() {
      return dtype;
    }

    @Override
    public long bytes() {
      return packed.bytes;
    }

    @Override
    public void setRows(int firstRow, ByteBuffer from, DType fromDtype) {
      synchronized (backend.device) {
        packed.checkOpen();
        int n = Checks.setRows(this, firstRow, from, fromDtype);
        if (from.isDirect()) {
          try {
            packRows(firstRow, n, new BytePointer(from.slice()), fromDtype);
          } finally {
            Reference.reachabilityFence(from);
          }
          return;
        }
        int rowBytes = cols * fromDtype.bytes();
        BytePointer staging = backend.device.begin().staging(rowBytes);
        int most = (int) (staging.capacity() / rowBytes);
        ByteBuffer rest = from.slice();
        for (int r = 0; r < n; r += most) {
          int count = Math.min(most, n - r);
          NativeBackend.bytes(staging).put(rest.slice(r * rowBytes, count * rowBytes));
          packRows(firstRow + r, count, staging, fromDtype);
        }
      }
    }

    private void packRows(int firstRow, int count, BytePointer rowMajor, DType fromDtype) {
      NativeDevice device = backend.device;
      sy_tensor rows = device.begin().tensor(rowMajor.address(), fromDtype, count, cols, cols);
      check(sy_weight_set_rows(device.pointer(), packed.pointer, firstRow, rows));
    }

    @Override
    public void setQuantizedRows(int firstRow, ByteBuffer codes, ByteBuffer scales) {
      synchronized (backend.device) {
        packed.checkOpen();
        int n = Checks.setQuantizedRows(this, firstRow, codes, scales);
        Quantizer.Rows rows = new Quantizer.Rows(direct(codes), direct(scales));
        try (sy_quantized quantized = new sy_quantized()) {
          NativeDevice device = backend.device;
          device.begin();
          check(
              sy_weight_set_quantized_rows(
                  device.pointer(),
                  packed.pointer,
                  firstRow,
                  NativeQuantizer.fill(quantized, rows, dtype, n, cols)));
        } finally {
          Reference.reachabilityFence(rows);
        }
      }
    }

    private static ByteBuffer direct(ByteBuffer from) {
      return from.isDirect()
          ? from.slice()
          : ByteBuffer.allocateDirect(from.remaining()).put(from.slice()).flip();
    }

    @Override
    public void close() {
      packed.close();
      cleanable.clean();
    }
  }
}
