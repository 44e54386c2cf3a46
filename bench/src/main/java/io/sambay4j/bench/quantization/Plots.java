package io.sambay4j.bench.quantization;

import io.sambay4j.bench.quantization.Plot.Series;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Draws the plots of {@code docs/quantization.md} from the CSV files beside them, those that are
 * there.
 *
 * <p>Argument: the directory, default {@code docs/quantization}.
 */
public final class Plots {
  private final Path data;

  private Plots(Path data) {
    this.data = data;
  }

  public static void main(String[] args) throws IOException {
    Plots plots = new Plots(args.length == 0 ? Path.of("docs", "quantization") : Path.of(args[0]));
    plots.parts();
    plots.layers();
    for (String drift : List.of("drift", "drift-narrow")) {
      plots.drift(drift);
    }
  }

  private void parts() throws IOException {
    Path file = data.resolve("parts.csv");
    if (!Files.exists(file)) {
      return;
    }
    List<List<String>> rows = Table.read(file);
    Set<String> parts = new LinkedHashSet<>();
    rows.forEach(row -> parts.add(row.get(0)));
    List<String> groups = List.copyOf(parts);
    for (String[] plot :
        new String[][] {
          {"3", "parts-kl", "One part rounded: divergence of the choices", "KL, nats a token"},
          {"5", "parts-logits", "One part rounded: error of the logits", "|got - want| / |want|"}
        }) {
      Map<String, Series> series = new LinkedHashMap<>();
      for (List<String> row : rows) {
        add(
            series,
            row.get(2),
            (double) groups.indexOf(row.get(0)),
            row.get(Integer.parseInt(plot[0])));
      }
      write(plot[1], Plot.bars(plot[2], plot[3], true, groups, List.copyOf(series.values())));
    }
  }

  private void layers() throws IOException {
    layers("trained", 3, "divergence of the choices", "KL, nats a token");
    layers("random", 4, "error of the logits, random weights", "|got - want| / |want|");
  }

  private void layers(String model, int column, String what, String label) throws IOException {
    Path file = data.resolve("layers.csv");
    if (!Files.exists(file)) {
      return;
    }
    Map<String, Series> series = new LinkedHashMap<>();
    List<String> groups = new ArrayList<>();
    for (List<String> row : Table.read(file)) {
      if (row.get(0).equals(model)) {
        add(series, "int4", (double) groups.size(), row.get(column));
        groups.add("%s %s".formatted(row.get(1), row.get(2).replace('_', ' ')));
      }
    }
    write(
        "layers-" + model,
        Plot.bars("One layer rounded: " + what, label, true, groups, List.copyOf(series.values())));
  }

  private void drift(String name) throws IOException {
    Path file = data.resolve(name + ".csv");
    if (!Files.exists(file)) {
      return;
    }
    List<List<String>> rows = Table.read(file);
    double last = rows.stream().mapToDouble(row -> Double.parseDouble(row.get(1))).max().orElse(1);
    drift(name + "-kl", "Divergence along a text", "KL, nats a token", true, rows, 3, last);
    drift(name + "-memory", "Error of the memory along a text", "relative", false, rows, 6, last);
    drift(name + "-logits", "Error of the logits along a text", "relative", false, rows, 5, last);
  }

  private void drift(
      String name,
      String title,
      String axis,
      boolean log,
      List<List<String>> rows,
      int column,
      double last)
      throws IOException {
    Map<String, Series> series = new LinkedHashMap<>();
    for (List<String> row : rows) {
      add(series, row.get(0).replace('-', ' '), Double.parseDouble(row.get(1)), row.get(column));
    }
    write(name, Plot.lines(title, "position", axis, log, last, List.copyOf(series.values())));
  }

  private static void add(Map<String, Series> series, String name, double x, String y) {
    Series one =
        series.computeIfAbsent(name, key -> new Series(key, new ArrayList<>(), new ArrayList<>()));
    one.x().add(x);
    one.y().add(Double.parseDouble(y));
  }

  private void write(String name, String svg) throws IOException {
    Path file = data.resolve(name + ".svg");
    Files.writeString(file, svg);
    System.err.println("drawn: " + file);
  }
}
