package io.sambay4j.bench.quantization;

import java.util.Locale;

/** So many of so many. */
record Share(int hits, int of) {
  private static final double Z = 1.959964; // 95 %

  /** "97.3 % (96.1 to 98.1)": the share and Wilson's interval of 95 % (1927). */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%.1f %% (%.1f to %.1f)", 100.0 * hits / of, 100 * bound(-1), 100 * bound(1));
  }

  double bound(int side) {
    double p = (double) hits / of;
    double square = Z * Z / of;
    double centre = p + square / 2;
    double half = Z * Math.sqrt(p * (1 - p) / of + square / of / 4);
    return (centre + side * half) / (1 + square);
  }
}
