package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.NativeBackend;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * An operation of {@link Backend}, called again and again. What a forward pass finds in memory and
 * not in a cache (weights, keys and values, states) is there in many copies that take turns; the
 * same goes for the activations of operations that touch nothing else.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
public abstract class OperationBenchmark {
  /** cpu; or cuda, which {@link CardRunner} times and not JMH. */
  @Param("cpu")
  public String device = "cpu";

  /** CPU instructions: auto, scalar, avx2, avx512 or amx. */
  @Param("auto")
  public String target = "auto";

  /** 0: one for each core. */
  @Param("0")
  public int threads;

  /** How much memory the copies of an operand take together: several times the largest cache. */
  long copiesBytes = 256L << 20;

  private @Nullable NativeBackend backend;
  private Runnable operation =
      () -> {
        throw new IllegalStateException("not set up");
      };

  /** What a call cannot avoid. Depends on the parameters alone. */
  public abstract Work work();

  /**
   * The same on a card, where products of 16-bit numbers run on tensor cores in every operation,
   * and activations of a long prompt come from memory.
   */
  Work workOnCard() {
    return work();
  }

  /** Makes the operands; each run of the result is one call on the next copy of them. */
  abstract Runnable prepare(Backend backend);

  @Setup
  public void open() {
    NativeBackend opened = NativeBackend.open(device, target, threads);
    backend = opened;
    operation = prepare(opened);
  }

  @Benchmark
  public void run() {
    operation.run();
  }

  @TearDown
  public void close() {
    if (backend != null) {
      backend.close();
    }
  }

  /** How many copies of an operand of so many bytes it takes to be out of the caches. */
  final Turns turns(double bytes) {
    return new Turns(Math.max(1, (int) Math.ceil(copiesBytes / bytes)));
  }

  /** 0, 1, ... count - 1, 0, 1, ... */
  static final class Turns {
    final int count;
    private int next;

    Turns(int count) {
      this.count = count;
    }

    int next() {
      int turn = next;
      next = turn + 1 == count ? 0 : turn + 1;
      return turn;
    }
  }
}
