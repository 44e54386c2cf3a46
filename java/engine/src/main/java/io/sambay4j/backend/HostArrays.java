package io.sambay4j.backend;

import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;

/** Where native code reads the arrays of an operation's arguments, and writes its results. */
interface HostArrays extends AutoCloseable {
  /** The array's numbers in native memory. */
  IntPointer ints(int[] from);

  /** As {@link #ints}. */
  LongPointer longs(long[] from);

  /** As {@link #ints}. */
  DoublePointer doubles(double[] from);

  /** Native memory for results, which {@link #deliver} copies to the array. */
  IntPointer results(int[] to);

  /** As {@link #results(int[])}. */
  DoublePointer results(double[] to);

  /** Copies the results to their arrays. */
  void deliver();

  @Override
  void close();
}
