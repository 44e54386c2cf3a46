package io.sambay4j.cli.load;

import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A distribution of lengths in tokens.
 *
 * @param kind of distribution
 * @param a the length, the least, or the median
 * @param b the most, or the standard deviation of the logarithm; otherwise 0
 */
public record Lengths(Kind kind, int a, double b) {
  /** The longest of a log-normal distribution, in medians: one draw must not decide a run. */
  private static final int MOST_MEDIANS = 16;

  private static final int MAX = 1_000_000;
  private static final Pattern SYNTAX =
      Pattern.compile(
          "(\\d{1,7})|uniform:(\\d{1,7}),(\\d{1,7})|lognormal:(\\d{1,7}),(\\d{1,3}(?:\\.\\d{1,9})?)");

  /** Which distribution. */
  public enum Kind {
    FIXED,
    UNIFORM,
    LOGNORMAL
  }

  /**
   * Checks the parameters.
   *
   * @throws IllegalArgumentException if a length is below 1 or above a million
   */
  public Lengths {
    boolean sane = a >= 1 && a <= MAX && b >= 0;
    if (kind == Kind.UNIFORM) {
      sane &= b >= a && b <= MAX;
    } else if (kind == Kind.LOGNORMAL) {
      sane &= b <= 5;
    }
    if (!sane) {
      throw new IllegalArgumentException(
          "lengths must be from 1 to %d, the least not above the most, and the sigma of lognormal at most 5"
              .formatted(MAX));
    }
  }

  /**
   * Reads {@code N}, {@code uniform:MIN,MAX} or {@code lognormal:MEDIAN,SIGMA}.
   *
   * @throws IllegalArgumentException if it is none of them
   */
  public static Lengths parse(String text) {
    Matcher parts = SYNTAX.matcher(text);
    if (!parts.matches()) {
      throw new IllegalArgumentException(
          "'%s' is not a distribution of lengths, expected N, uniform:MIN,MAX or lognormal:MEDIAN,SIGMA"
              .formatted(text));
    }
    if (parts.group(1) != null) {
      return new Lengths(Kind.FIXED, Integer.parseInt(parts.group(1)), 0);
    }
    return parts.group(2) != null
        ? new Lengths(
            Kind.UNIFORM, Integer.parseInt(parts.group(2)), Integer.parseInt(parts.group(3)))
        : new Lengths(
            Kind.LOGNORMAL, Integer.parseInt(parts.group(4)), Double.parseDouble(parts.group(5)));
  }

  /** A length, at least 1. */
  public int draw(Random random) {
    return switch (kind) {
      case FIXED -> a;
      case UNIFORM -> a + random.nextInt((int) b - a + 1);
      case LOGNORMAL -> {
        double length = a * Math.exp(b * random.nextGaussian());
        yield (int) Math.max(1, Math.min(Math.round(length), (long) MOST_MEDIANS * a));
      }
    };
  }

  /** As it is written. */
  @Override
  public String toString() {
    return switch (kind) {
      case FIXED -> Integer.toString(a);
      case UNIFORM -> "uniform:%d,%d".formatted(a, (int) b);
      case LOGNORMAL -> "lognormal:%d,%s".formatted(a, b);
    };
  }
}
