package io.sambay4j.cli;

import java.util.Locale;

/** Numbers as people read them, the same in every locale. */
final class Units {
  private Units() {}

  /** "18.4 MiB". */
  static String bytes(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes;
    String unit = "";
    for (String next : new String[] {"KiB", "MiB", "GiB", "TiB"}) {
      if (value >= 1024) {
        value /= 1024;
        unit = next;
      }
    }
    return format(value >= 100 ? "%.0f %s" : value >= 10 ? "%.1f %s" : "%.2f %s", value, unit);
  }

  /** "3,848,210,432". */
  static String count(long n) {
    return format("%,d", n);
  }

  /** Three digits that matter, as a rate needs them. */
  static String rate(double perSecond) {
    return format(perSecond >= 100 ? "%.0f" : perSecond >= 10 ? "%.1f" : "%.2f", perSecond);
  }

  static String seconds(double seconds) {
    return format(seconds >= 10 ? "%.1f s" : "%.2f s", seconds);
  }

  /** {@link String#format} without the locale's own digits and points. */
  static String format(String format, Object... args) {
    return String.format(Locale.ROOT, format, args);
  }
}
