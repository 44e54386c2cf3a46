package io.sambay4j.bench.quantization;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Rows of text, for people in Markdown and for plots as CSV. */
final class Table {
  private final List<List<String>> rows = new ArrayList<>(); // the header first

  Table(String... header) {
    rows.add(List.of(header));
  }

  void row(String... cells) {
    rows.add(List.of(cells));
  }

  void print(PrintStream out, String title) {
    out.printf("%n%s%n%n", title);
    for (int i = 0; i < rows.size(); i++) {
      out.println("| " + String.join(" | ", rows.get(i)) + " |");
      if (i == 0) {
        out.println(
            "| " + String.join(" | ", rows.get(0).stream().map(c -> "---").toList()) + " |");
      }
    }
  }

  /** Writes the rows, cells with commas in quotation marks. */
  void write(Path file) throws IOException {
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      lines.add(
          String.join(",", row.stream().map(c -> c.contains(",") ? '"' + c + '"' : c).toList()));
    }
    Files.write(file, lines);
  }

  /** The rows of a file as {@link #write} leaves it, without its header. */
  static List<List<String>> read(Path file) throws IOException {
    List<List<String>> rows = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      List<String> cells =
          Arrays.stream(line.split(",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", -1))
              .map(cell -> cell.replace("\"", ""))
              .toList();
      rows.add(cells);
    }
    return rows.subList(1, rows.size());
  }
}
