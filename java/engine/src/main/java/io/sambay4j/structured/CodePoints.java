package io.sambay4j.structured;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A set of Unicode characters, without surrogates.
 *
 * @param ranges ascending, disjoint, not touching
 */
record CodePoints(List<Range> ranges) {
  /** The characters from {@code low} to {@code high}, both included. */
  record Range(int low, int high) {}

  static final CodePoints ALL = range(0, Character.MAX_CODE_POINT);

  static CodePoints of(int codePoint) {
    return range(codePoint, codePoint);
  }

  static CodePoints range(int low, int high) {
    return of(List.of(new Range(low, high)));
  }

  /** The characters of a string. */
  static CodePoints in(String characters) {
    return of(characters.codePoints().mapToObj(c -> new Range(c, c)).toList());
  }

  static CodePoints of(List<Range> ranges) {
    List<Range> sorted = new ArrayList<>();
    for (Range range : ranges) {
      addWithoutSurrogates(sorted, range);
    }
    sorted.sort(Comparator.comparingInt(Range::low));
    List<Range> merged = new ArrayList<>();
    for (Range range : sorted) {
      int last = merged.size() - 1;
      if (last >= 0 && range.low <= merged.get(last).high + 1) {
        Range before = merged.get(last);
        merged.set(last, new Range(before.low, Math.max(before.high, range.high)));
      } else {
        merged.add(range);
      }
    }
    return new CodePoints(List.copyOf(merged));
  }

  private static void addWithoutSurrogates(List<Range> out, Range range) {
    int below = Math.min(range.high, Character.MIN_SURROGATE - 1);
    int above = Math.max(range.low, Character.MAX_SURROGATE + 1);
    if (range.low <= below) {
      out.add(new Range(range.low, below));
    }
    if (above <= range.high) {
      out.add(new Range(above, range.high));
    }
  }

  CodePoints union(CodePoints other) {
    List<Range> all = new ArrayList<>(ranges);
    all.addAll(other.ranges);
    return of(all);
  }

  CodePoints complement() {
    List<Range> gaps = new ArrayList<>();
    int from = 0;
    for (Range range : ranges) {
      if (from < range.low) {
        gaps.add(new Range(from, range.low - 1));
      }
      from = range.high + 1;
    }
    if (from <= Character.MAX_CODE_POINT) {
      gaps.add(new Range(from, Character.MAX_CODE_POINT));
    }
    return of(gaps);
  }

  CodePoints minus(CodePoints other) {
    return complement().union(other).complement();
  }

  CodePoints intersect(CodePoints other) {
    return minus(other.complement());
  }

  boolean contains(int codePoint) {
    return ranges.stream().anyMatch(r -> r.low <= codePoint && codePoint <= r.high);
  }

  boolean isEmpty() {
    return ranges.isEmpty();
  }
}
