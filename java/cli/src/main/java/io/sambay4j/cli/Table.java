package io.sambay4j.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows of text in aligned columns; a column whose heading begins with {@code >} is flushed right.
 */
final class Table {
  private final List<String> headings = new ArrayList<>();
  private final List<Boolean> right = new ArrayList<>();
  private final List<List<String>> rows = new ArrayList<>();

  Table(String... columns) {
    for (String column : columns) {
      right.add(column.startsWith(">"));
      headings.add(column.startsWith(">") ? column.substring(1) : column);
    }
  }

  /** Adds a row of as many cells as there are columns. */
  Table row(Object... cells) {
    if (cells.length != headings.size()) {
      throw new IllegalArgumentException(
          "%d cells for %d columns".formatted(cells.length, headings.size()));
    }
    List<String> row = new ArrayList<>();
    for (Object cell : cells) {
      row.add(String.valueOf(cell));
    }
    rows.add(row);
    return this;
  }

  void print(PrintStream out) {
    int[] widths = new int[headings.size()];
    widen(widths, headings);
    rows.forEach(row -> widen(widths, row));
    out.println(line(headings, widths));
    rows.forEach(row -> out.println(line(row, widths)));
  }

  private static void widen(int[] widths, List<String> row) {
    for (int i = 0; i < widths.length; i++) {
      widths[i] = Math.max(widths[i], width(row.get(i)));
    }
  }

  private static int width(String text) {
    return text.codePointCount(0, text.length());
  }

  private String line(List<String> row, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      String gap = " ".repeat(widths[i] - width(row.get(i)));
      line.append(i == 0 ? "" : "  ").append(right.get(i) ? gap + row.get(i) : row.get(i) + gap);
    }
    return line.toString().stripTrailing();
  }
}
