package io.sambay4j.backend;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * The arrays of a recorded graph: each Java array has native memory of its own, at one address as
 * long as the graph lives, filled anew before every launch.
 */
final class GraphArrays implements HostArrays {
  private final IdentityHashMap<Object, Pointer> memories = new IdentityHashMap<>();
  private final List<Runnable> refills = new ArrayList<>();
  private final List<Runnable> deliveries = new ArrayList<>();

  @Override
  public IntPointer ints(int[] from) {
    return input(from, () -> new IntPointer(from.length), to -> to.put(from, 0, from.length));
  }

  @Override
  public LongPointer longs(long[] from) {
    return input(from, () -> new LongPointer(from.length), to -> to.put(from, 0, from.length));
  }

  @Override
  public DoublePointer doubles(double[] from) {
    return input(from, () -> new DoublePointer(from.length), to -> to.put(from, 0, from.length));
  }

  @Override
  public IntPointer results(int[] to) {
    IntPointer memory = ints(to);
    deliveries.add(() -> memory.get(to, 0, to.length));
    return memory;
  }

  @Override
  public DoublePointer results(double[] to) {
    DoublePointer memory = doubles(to);
    deliveries.add(() -> memory.get(to, 0, to.length));
    return memory;
  }

  /** Copies what the Java arrays hold now. */
  void refill() {
    refills.forEach(Runnable::run);
  }

  @Override
  public void deliver() {
    deliveries.forEach(Runnable::run);
  }

  @Override
  public void close() {
    memories.values().forEach(Pointer::close);
    memories.clear();
  }

  private interface Refill<P> {
    void into(P memory);
  }

  /** The array itself, not its contents, decides whether it has been seen before. */
  private <P extends Pointer> P input(Object array, Supplier<P> allocate, Refill<P> refill) {
    @SuppressWarnings("unchecked") // an array of one type always gets a pointer of one type
    P known = (P) memories.get(array);
    if (known != null) {
      return known;
    }
    P memory = allocate.get();
    memories.put(array, memory);
    refill.into(memory);
    refills.add(() -> refill.into(memory));
    return memory;
  }
}
