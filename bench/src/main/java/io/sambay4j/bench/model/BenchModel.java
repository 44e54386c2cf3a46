package io.sambay4j.bench.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.backend.DeviceMemory;
import io.sambay4j.backend.NativeBackend;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.MemoryEstimate;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.ModelWork;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.StatePool;
import io.sambay4j.model.WeightFormat;
import io.sambay4j.weights.Checkpoint;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A model to be measured: where it lies, and how it is loaded.
 *
 * @param path a directory in the published layout
 * @param weights how matrices are kept; null: as stored
 * @param stepTokens tokens of a prompt's chunks
 */
record BenchModel(
    Path path, String device, @Nullable DType weights, DType activations, int stepTokens) {
  private static final int CACHE_ROUNDING = 64; // a sequence ends within a block
  private static final int MOST_SEQUENCES = 4096;

  /** Without any limit: every floor is 0. */
  static final DeviceLimits UNLIMITED =
      new DeviceLimits(
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY);

  ModelConfig config() {
    return ModelConfig.read(path.resolve(ModelConfig.FILE));
  }

  LoadOptions options(int sequences, int context) {
    return new LoadOptions(
        weights == null ? null : WeightFormat.of(weights),
        activations,
        context,
        sequences,
        Math.max(sequences, stepTokens),
        StatePool.cacheTokens(sequences, context, 0));
  }

  ModelWork work(LoadOptions options) {
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      return ModelWork.of(config(), options, checkpoint);
    }
  }

  SambayModel load(LoadOptions options) {
    MemoryEstimate memory = work(options).memory();
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      return ModelLoader.load(
          Backends.open(device, null, 0, memory.total()),
          config(),
          checkpoint,
          options,
          (done, total) -> {});
    }
  }

  /**
   * Sequences of that length which the device's free memory takes beside weights, workspace and a
   * spare twentieth.
   */
  int mostSequences(int context) {
    ModelConfig config = config();
    MemoryEstimate memory = work(options(1, context + CACHE_ROUNDING)).memory();
    try (NativeBackend backend = (NativeBackend) Backends.open(device, null, 0)) {
      DeviceMemory free = backend.memory();
      double room = 0.95 * free.free() - memory.weights() - memory.workspace();
      double each =
          memory.slot()
              + (double) memory.cachePerToken() * (context + CACHE_ROUNDING)
              + 4.0 * config.vocabSize(); // its row of logits
      return (int) Math.max(1, Math.min(MOST_SEQUENCES, room / each));
    }
  }

  /** Measures the device's limits and prints them as a line. */
  static DeviceLimits limits(String device, double seconds, PrintStream to) {
    try (Backend backend = Backends.open(device, null, 0)) {
      if (!(backend instanceof NativeBackend measured)) {
        throw new UnsupportedOperationException("limits are measured on native devices only");
      }
      DeviceLimits limits = measured.measureLimits(seconds);
      to.println(
          String.format(
              Locale.ROOT,
              "%s: reads %.1f GB/s, copies %.1f GB/s, bf16 %.1f TFLOP/s, f32 %.2f TFLOP/s, int8 %.2f TOP/s",
              measured.description(),
              limits.readBytes() / 1e9,
              limits.copyBytes() / 1e9,
              limits.bf16Flops() / 1e12,
              limits.f32Flops() / 1e12,
              limits.int8Ops() / 1e12));
      to.flush();
      return limits;
    }
  }

  static DType dtype(String name) {
    return DType.valueOf(name.toUpperCase(Locale.ROOT));
  }

  static int number(String text) {
    int number = Integer.parseInt(text);
    if (number < 1) {
      throw new IllegalArgumentException("numbers are 1 or more, not " + text);
    }
    return number;
  }
}
