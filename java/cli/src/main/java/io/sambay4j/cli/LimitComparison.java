package io.sambay4j.cli;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.backend.NativeBackend;
import io.sambay4j.model.ModelWork;
import java.util.function.Supplier;

/** Sets rates beside the device's limits, measured just before and just after each. */
final class LimitComparison {
  private static final double SECONDS = 1;

  private final NativeBackend device;
  private final ModelWork work;

  /**
   * Of a model.
   *
   * @throws IllegalArgumentException if the device's limits cannot be measured
   */
  LimitComparison(Backend device, ModelWork work) {
    if (!(device instanceof NativeBackend nativeDevice)) {
      throw new IllegalArgumentException(
          "--compare-limit measures cpu and cuda; the device is " + device.description());
    }
    this.device = nativeDevice;
    this.work = work;
  }

  /**
   * A test beside its limit.
   *
   * @param limits the better ones of those before and after
   * @param share least time over the time it took, 1 at the limit
   */
  record Compared(Benchmark.Result result, DeviceLimits limits, double share) {}

  Compared compare(Supplier<Benchmark.Result> test) {
    DeviceLimits before = device.measureLimits(SECONDS);
    Benchmark.Result result = test.get();
    DeviceLimits limits = before.better(device.measureLimits(SECONDS));
    double seconds = (double) result.tokens() * result.batch() / result.mean();
    return new Compared(result, limits, floor(result, limits) / seconds);
  }

  /** Seconds that all tokens of the test take at least. */
  private double floor(Benchmark.Result result, DeviceLimits limits) {
    int batch = result.batch();
    int tokens = result.tokens();
    int depth = result.depth();
    return result.generates()
        ? tokens * work.decode(batch, depth + (tokens - 1) / 2).floor(limits) // of the mean length
        : work.prompt(batch, depth, tokens, result.tokensPerStep() / batch).floor(limits);
  }
}
