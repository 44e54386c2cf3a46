package io.sambay4j.tokenizer.jinja;

import java.util.Arrays;
import java.util.function.UnaryOperator;

/**
 * A string that knows of each character whether the template wrote it or a caller's value brought
 * it in.
 *
 * <p>Characters of the template are trusted: they may form control tokens. Characters of messages
 * and arguments are tainted and stay so through concatenation, slicing and filters. Two texts are
 * equal if their characters are, wherever those came from.
 */
public final class Text {
  /** No characters at all. */
  public static final Text EMPTY = trusted("");

  private static final int[] NO_BORDERS = {};

  private final String value;

  /** Where provenance changes, ascending; the characters before the first border are trusted. */
  private final int[] borders;

  private Text(String value, int[] borders) {
    this.value = value;
    this.borders = borders;
  }

  /** Text of the template. */
  public static Text trusted(String value) {
    return new Text(value, NO_BORDERS);
  }

  /** Text of a caller. */
  public static Text tainted(String value) {
    return new Text(value, value.isEmpty() ? NO_BORDERS : new int[] {0, value.length()});
  }

  /** The characters alone. */
  public String value() {
    return value;
  }

  /** Length in UTF-16 units. */
  public int length() {
    return value.length();
  }

  boolean isEmpty() {
    return value.isEmpty();
  }

  /** Whether a caller brought in the character at an index. */
  public boolean isTainted(int index) {
    int at = Arrays.binarySearch(borders, index);
    int bordersUpTo = at >= 0 ? at + 1 : -at - 1;
    return bordersUpTo % 2 == 1;
  }

  /** Whether the template wrote all of {@code [start, end)}. */
  public boolean isTrusted(int start, int end) {
    return start == end || (!isTainted(start) && nextBorder(start) >= end);
  }

  /** The first index after {@code index} with another provenance, or the length. */
  int nextBorder(int index) {
    int at = Arrays.binarySearch(borders, index);
    int next = at >= 0 ? at + 1 : -at - 1;
    return next < borders.length ? borders[next] : value.length();
  }

  /** This text, then another; each character keeps its origin. */
  public Text concat(Text other) {
    if (other.isEmpty()) {
      return this;
    }
    return isEmpty() ? other : new Builder().append(this).append(other).build();
  }

  Text substring(int start, int end) {
    return start == 0 && end == value.length()
        ? this
        : new Builder().append(this, start, end).build();
  }

  /** Applies a function to each stretch of one provenance; what comes out keeps it. */
  Text map(UnaryOperator<String> function) {
    Builder out = new Builder();
    for (int start = 0; start < value.length(); ) {
      int end = nextBorder(start);
      out.append(function.apply(value.substring(start, end)), isTainted(start));
      start = end;
    }
    return out.build();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Text text && text.value.equals(value);
  }

  @Override
  public int hashCode() {
    return value.hashCode();
  }

  /** The characters alone. */
  @Override
  public String toString() {
    return value;
  }

  /** Collects a text from parts. */
  static final class Builder {
    private final StringBuilder value = new StringBuilder();
    private int[] borders = new int[8];
    private int borderCount;

    int length() {
      return value.length();
    }

    Builder append(Text text) {
      return append(text, 0, text.length());
    }

    Builder append(Text text, int start, int end) {
      for (int at = start; at < end; ) {
        int next = Math.min(text.nextBorder(at), end);
        setTainted(text.isTainted(at));
        value.append(text.value, at, next);
        at = next;
      }
      return this;
    }

    Builder append(String text, boolean tainted) {
      if (!text.isEmpty()) {
        setTainted(tainted);
        value.append(text);
      }
      return this;
    }

    private void setTainted(boolean tainted) {
      if (tainted != (borderCount % 2 == 1)) {
        if (borderCount == borders.length) {
          borders = Arrays.copyOf(borders, 2 * borderCount);
        }
        borders[borderCount++] = value.length();
      }
    }

    Text build() {
      int count = borderCount;
      int[] all = Arrays.copyOf(borders, count + count % 2);
      if (count % 2 == 1) {
        all[count] = value.length();
      }
      return new Text(value.toString(), all);
    }
  }
}
