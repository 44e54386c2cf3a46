package io.sambay4j.cli.load;

import java.util.Arrays;
import java.util.stream.DoubleStream;

/** A sample in order. */
public final class Quantiles {
  private final double[] sorted;

  private Quantiles(double[] sorted) {
    this.sorted = sorted;
  }

  /** Sorts; NaN is left out. */
  public static Quantiles of(DoubleStream values) {
    return new Quantiles(values.filter(value -> !Double.isNaN(value)).sorted().toArray());
  }

  /** How many values there are. */
  public int count() {
    return sorted.length;
  }

  /**
   * A quantile, linear between neighbours; NaN of an empty sample.
   *
   * @param q from 0 to 1
   */
  public double at(double q) {
    if (sorted.length == 0) {
      return Double.NaN;
    }
    double position = q * (sorted.length - 1);
    int below = (int) position;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  }

  /** The mean; NaN of an empty sample. */
  public double mean() {
    return Arrays.stream(sorted).average().orElse(Double.NaN);
  }
}
