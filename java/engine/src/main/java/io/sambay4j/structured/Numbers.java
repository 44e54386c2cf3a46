package io.sambay4j.structured;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Numbers of JSON, also between bounds. */
final class Numbers {
  /** Digits before the point, and after it, that a number may have. */
  static final int MAX_DIGITS = 16;

  private static final Part DIGIT = Part.character(CodePoints.range('0', '9'));
  private static final Part ANY_FRACTION =
      Part.optional(Part.sequence(Part.literal("."), Part.repeat(DIGIT, 1, MAX_DIGITS)));
  private static final BigInteger LARGEST = BigInteger.TEN.pow(MAX_DIGITS).subtract(BigInteger.ONE);

  /**
   * One end of a range.
   *
   * @param value at least 0 where it bounds a magnitude
   * @param excluded whether the value itself is outside
   */
  record Bound(BigDecimal value, boolean excluded) {
    Bound negated() {
      return new Bound(value.negate(), excluded);
    }

    /** Whether this is below 0, or 0 and excluded. */
    boolean isBelowZero() {
      return value.signum() < 0 || (value.signum() == 0 && excluded);
    }

    private BigInteger whole() {
      return value.toBigInteger();
    }

    /** The digits after the point, the last of them not 0. */
    private String fraction() {
      BigDecimal fraction = value.remainder(BigDecimal.ONE).stripTrailingZeros();
      return fraction.signum() == 0 ? "" : fraction.toPlainString().substring(2);
    }
  }

  private static final Bound ZERO = new Bound(BigDecimal.ZERO, false);
  private static final Bound ABOVE_ZERO = new Bound(BigDecimal.ZERO, true);

  private Numbers() {}

  /** Any number. */
  static Part number() {
    Part exponent =
        Part.sequence(
            Part.character(CodePoints.in("eE")),
            Part.optional(Part.character(CodePoints.in("+-"))),
            Part.repeat(DIGIT, 1, 2));
    return Part.sequence(
        Part.optional(Part.literal("-")),
        integer(BigInteger.ZERO, LARGEST),
        ANY_FRACTION,
        Part.optional(exponent));
  }

  /** Whole numbers between two bounds, either of which may be missing. */
  static Part integers(@Nullable Bound min, @Nullable Bound max) {
    BigInteger low = min == null ? LARGEST.negate() : lowest(min);
    BigInteger high = max == null ? LARGEST.max(low) : lowest(max.negated()).negate();
    low = min == null ? low.min(high) : low;
    List<Part> parts = new ArrayList<>();
    if (high.signum() >= 0 && low.compareTo(high) <= 0) {
      parts.add(integer(low.max(BigInteger.ZERO), high));
    }
    if (low.signum() < 0 && low.compareTo(high) <= 0) {
      BigInteger least = high.negate().max(BigInteger.ONE);
      parts.add(Part.sequence(Part.literal("-"), integer(least, low.negate())));
    }
    return parts.isEmpty() ? Part.IMPOSSIBLE : Part.anyOf(parts);
  }

  /** The least whole number from a lower bound on. */
  private static BigInteger lowest(Bound min) {
    BigInteger low = min.value.setScale(0, RoundingMode.CEILING).toBigInteger();
    boolean isBound = new BigDecimal(low).compareTo(min.value) == 0;
    return isBound && min.excluded ? low.add(BigInteger.ONE) : low;
  }

  /** Numbers between two bounds, either of which may be missing, without an exponent. */
  static Part between(@Nullable Bound min, @Nullable Bound max) {
    List<Part> parts = new ArrayList<>();
    if (max == null || !max.isBelowZero()) {
      parts.add(magnitudes(min == null || min.value.signum() < 0 ? ZERO : min, max));
    }
    if (min == null || min.value.signum() < 0) {
      Bound least = max == null || !max.isBelowZero() ? ABOVE_ZERO : max.negated();
      parts.add(
          Part.sequence(Part.literal("-"), magnitudes(least, min == null ? null : min.negated())));
    }
    return parts.isEmpty() ? Part.IMPOSSIBLE : Part.anyOf(parts);
  }

  /** Numbers of at least 0 between two bounds. */
  private static Part magnitudes(Bound min, @Nullable Bound max) {
    BigInteger low = min.whole();
    BigInteger high = max == null ? LARGEST.max(low.add(BigInteger.ONE)) : max.whole();
    List<Part> parts = new ArrayList<>();
    if (max != null && low.equals(high)) {
      parts.add(Part.sequence(Part.literal(low.toString()), fraction(min, max, 0)));
    } else if (low.compareTo(high) < 0) {
      parts.add(Part.sequence(Part.literal(low.toString()), fraction(min, null, 0)));
      BigInteger before = max == null ? high : high.subtract(BigInteger.ONE);
      if (low.compareTo(before) < 0) {
        parts.add(Part.sequence(integer(low.add(BigInteger.ONE), before), ANY_FRACTION));
      }
      if (max != null) {
        parts.add(Part.sequence(Part.literal(high.toString()), fraction(null, max, 0)));
      }
    }
    return parts.isEmpty() ? Part.IMPOSSIBLE : Part.anyOf(parts);
  }

  /**
   * The digits after the point from number {@code at} on, or their end, where the digits before
   * equal those of the bounds that are still given.
   */
  private static Part fraction(@Nullable Bound min, @Nullable Bound max, int at) {
    String low = min == null ? "" : min.fraction();
    String high = max == null ? "" : max.fraction();
    List<Part> parts = new ArrayList<>();
    boolean reachesMin = min == null || (at >= low.length() && !min.excluded);
    boolean staysBelowMax = max == null || at < high.length() || !max.excluded;
    if (reachesMin && staysBelowMax) {
      if (max == null) {
        return at == 0 ? ANY_FRACTION : Part.repeat(DIGIT, 0, Math.max(0, MAX_DIGITS - at));
      }
      parts.add(Part.NOTHING);
    }
    if (at < Math.max(MAX_DIGITS, Math.max(low.length(), high.length()))) {
      int from = at < low.length() ? low.charAt(at) - '0' : 0;
      int to = max == null ? 9 : at < high.length() ? high.charAt(at) - '0' : 0;
      boolean minHolds = min != null && !reachesMin;
      int freeFrom = minHolds ? from + 1 : from;
      int freeTo = max != null ? to - 1 : to;
      if (minHolds && from <= to) {
        parts.add(
            further(from, from, fraction(min, max != null && from == to ? max : null, at + 1), at));
      }
      if (freeFrom <= freeTo) {
        parts.add(further(freeFrom, freeTo, fraction(null, null, at + 1), at));
      }
      if (max != null && freeFrom <= to) {
        parts.add(further(to, to, fraction(null, max, at + 1), at));
      }
    }
    return parts.isEmpty() ? Part.IMPOSSIBLE : Part.anyOf(parts);
  }

  /** A digit after the point in [from, to], and what follows it. */
  private static Part further(int from, int to, Part rest, int at) {
    return Part.sequence(
        Part.literal(at == 0 ? "." : ""),
        Part.character(CodePoints.range('0' + from, '0' + to)),
        rest);
  }

  /** Whole numbers from {@code low} to {@code high}, 0 or more, without leading zeros. */
  static Part integer(BigInteger low, BigInteger high) {
    if (low.compareTo(high) > 0) {
      return Part.IMPOSSIBLE;
    }
    String from = low.toString();
    String to = high.toString();
    List<Part> parts = new ArrayList<>();
    for (int digits = from.length(); digits <= to.length(); digits++) {
      String least = digits == from.length() ? from : "1" + "0".repeat(digits - 1);
      String greatest = digits == to.length() ? to : "9".repeat(digits);
      parts.add(sameLength(least, greatest));
    }
    return Part.anyOf(parts);
  }

  private static Part sameLength(String low, String high) {
    if (low.isEmpty()) {
      return Part.NOTHING;
    }
    int rest = low.length() - 1;
    char first = low.charAt(0);
    char last = high.charAt(0);
    if (first == last) {
      return Part.sequence(
          Part.literal(String.valueOf(first)), sameLength(low.substring(1), high.substring(1)));
    }
    if (low.substring(1).equals("0".repeat(rest)) && high.substring(1).equals("9".repeat(rest))) {
      return Part.sequence(
          Part.character(CodePoints.range(first, last)), Part.repeat(DIGIT, rest, rest));
    }
    List<Part> parts = new ArrayList<>();
    parts.add(sameLength(low, first + "9".repeat(rest)));
    if (first + 1 < last) {
      parts.add(
          Part.sequence(
              Part.character(CodePoints.range(first + 1, last - 1)),
              Part.repeat(DIGIT, rest, rest)));
    }
    parts.add(sameLength(last + "0".repeat(rest), high));
    return Part.anyOf(parts);
  }
}
