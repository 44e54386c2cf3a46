package io.sambay4j.bench.quantization;

import io.sambay4j.model.ModelQuantizer;
import io.sambay4j.model.WeightFormat;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Prints the tables of {@code docs/quantization.md}: what each {@link Variant} costs the trained
 * model in the box, on its held-out problems and layer by layer, and layer by layer the goldens.
 *
 * <p>Arguments: how many problems of each kind, default 1000. Run from the root of the repository.
 */
public final class Study {
  private static final Path MODEL = Path.of("models", "tiny-reasoner");
  private static final Path GOLDENS = Path.of("native", "tests", "goldens");
  private static final List<String> GOLDEN_MODELS = List.of("flash-deep", "flash-w512-bf16");

  private final PrintStream out;

  Study(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] args) throws IOException {
    int problems = args.length == 0 ? 1000 : Integer.parseInt(args[0]);
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    new Study(out).run(MODEL, GOLDENS, problems);
  }

  void run(Path model, Path goldens, int problems) throws IOException {
    Path temporary = Files.createTempDirectory("sambay-quantization");
    try {
      tasks(model, temporary.resolve("tasks"), problems);
      layers(model, temporary.resolve("layers"), Variant.all());
      for (String golden : GOLDEN_MODELS) {
        layers(goldens.resolve(golden), temporary.resolve(golden), Variant.all().subList(0, 7));
      }
    } finally {
      delete(temporary);
    }
  }

  private void tasks(Path model, Path temporary, int problems) throws IOException {
    Tasks tasks = new Tasks(model, problems);
    Variant.Copies copies = copies(model, temporary);
    List<String> header = new ArrayList<>(List.of("weights"));
    List<List<String>> rows = new ArrayList<>();
    for (Variant variant : Variant.all()) {
      Map<String, Tasks.Result> results =
          tasks.run(variant.directory(model, copies), variant.format());
      List<String> row = new ArrayList<>(List.of(variant.name()));
      results.forEach(
          (kind, result) -> {
            if (rows.isEmpty()) {
              header.add(kind + " right");
              header.add("same text");
            }
            row.add(result.right().toString());
            row.add(result.sameText().toString());
          });
      rows.add(row);
    }
    print(
        "Held-out problems, at most %d of a kind, 95 %% intervals".formatted(problems),
        header,
        rows);
  }

  private void layers(Path model, Path temporary, List<Variant> variants) throws IOException {
    Variant.Copies copies = copies(model, temporary);
    Map<String, float[]> want = LayerErrors.activations(model, null);
    List<String> header = new ArrayList<>(List.of("weights"));
    header.addAll(want.keySet());
    List<List<String>> rows = new ArrayList<>();
    for (Variant variant : variants) {
      if (variant.format() == null) {
        continue; // the measure itself
      }
      List<String> row = new ArrayList<>(List.of(variant.name()));
      LayerErrors.relative(
              want, LayerErrors.activations(variant.directory(model, copies), variant.format()))
          .values()
          .forEach(error -> row.add(String.format(Locale.ROOT, "%.4f", error)));
      rows.add(row);
    }
    print("Relative error of the activations of %s".formatted(model.getFileName()), header, rows);
  }

  /** Quantised copies of a model, each made once. */
  private static Variant.Copies copies(Path model, Path temporary) throws IOException {
    Files.createDirectories(temporary);
    Map<WeightFormat, Path> made = new LinkedHashMap<>();
    return format ->
        made.computeIfAbsent(
            format,
            key -> {
              Path copy = temporary.resolve("copy" + made.size());
              ModelQuantizer.quantize(model, copy, key, (done, all) -> {});
              return copy;
            });
  }

  private void print(String title, List<String> header, List<List<String>> rows) {
    out.printf("%n%s%n%n", title);
    line(header);
    line(header.stream().map(cell -> "---").toList());
    rows.forEach(this::line);
  }

  private void line(List<String> cells) {
    out.println("| " + String.join(" | ", cells) + " |");
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
