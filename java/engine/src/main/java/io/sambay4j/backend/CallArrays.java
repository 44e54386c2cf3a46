package io.sambay4j.backend;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/** Arrays for the length of one call, in memory that the next call uses again. */
final class CallArrays implements HostArrays {
  private final Pool<IntPointer> ints = new Pool<>(IntPointer::new);
  private final Pool<LongPointer> longs = new Pool<>(LongPointer::new);
  private final Pool<DoublePointer> doubles = new Pool<>(DoublePointer::new);
  private final List<Runnable> deliveries = new ArrayList<>();

  /** Before the first array of a call. */
  void reset() {
    ints.used = 0;
    longs.used = 0;
    doubles.used = 0;
    deliveries.clear();
  }

  @Override
  public IntPointer ints(int[] from) {
    return ints.take(from.length).put(from, 0, from.length);
  }

  @Override
  public LongPointer longs(long[] from) {
    return longs.take(from.length).put(from, 0, from.length);
  }

  @Override
  public DoublePointer doubles(double[] from) {
    return doubles.take(from.length).put(from, 0, from.length);
  }

  @Override
  public IntPointer results(int[] to) {
    IntPointer memory = ints.take(to.length);
    deliveries.add(() -> memory.get(to, 0, to.length));
    return memory;
  }

  @Override
  public DoublePointer results(double[] to) {
    DoublePointer memory = doubles.take(to.length);
    deliveries.add(() -> memory.get(to, 0, to.length));
    return memory;
  }

  @Override
  public void deliver() {
    deliveries.forEach(Runnable::run);
  }

  @Override
  public void close() {
    ints.close();
    longs.close();
    doubles.close();
  }

  /** Memory of one type; each array of a call gets a piece, which grows to the longest. */
  private static final class Pool<P extends Pointer> {
    private final LongFunction<P> allocate;
    private final List<P> pieces = new ArrayList<>();
    int used;

    Pool(LongFunction<P> allocate) {
      this.allocate = allocate;
    }

    P take(int length) {
      int i = used++;
      if (i == pieces.size()) {
        pieces.add(allocate.apply(Math.max(64, length)));
      } else if (pieces.get(i).capacity() < length) {
        pieces.set(i, allocate.apply(2L * length)).close();
      }
      return pieces.get(i);
    }

    void close() {
      pieces.forEach(Pointer::close);
      pieces.clear();
    }
  }
}
