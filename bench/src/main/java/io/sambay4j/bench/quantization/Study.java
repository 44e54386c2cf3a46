package io.sambay4j.bench.quantization;

import io.sambay4j.backend.DType;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelQuantizer;
import io.sambay4j.model.ModelTensors;
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
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Prints the tables of {@code docs/quantization.md}: what each {@link Variant} costs the trained
 * model in the box on problems and token by token, which {@link Part} and which layer costs how
 * much, and layer by layer the errors of the goldens. Tables that are plotted are written as CSV as
 * well.
 *
 * <p>Arguments: how many problems of each kind, default 1000; the directory for the CSV files,
 * default {@code docs/quantization}. Run from the root of the repository.
 */
public final class Study {
  private static final Path MODEL = Path.of("models", "tiny-reasoner");
  private static final Path GOLDENS = Path.of("native", "tests", "goldens");
  private static final List<String> GOLDEN_MODELS = List.of("flash-deep", "flash-w512-bf16");
  private static final int COMPUTED = 7; // variants that a golden is compared in
  private static final int TEXTS_A_PROBLEM = 10; // answers are read of one problem in so many

  private final PrintStream out;
  private final Path data;

  Study(PrintStream out, Path data) {
    this.out = out;
    this.data = data;
  }

  public static void main(String[] args) throws IOException {
    int problems = args.length == 0 ? 1000 : Integer.parseInt(args[0]);
    Path data = args.length < 2 ? Path.of("docs", "quantization") : Path.of(args[1]);
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    new Study(out, data).run(MODEL, GOLDENS, problems);
  }

  void run(Path model, Path goldens, int problems) throws IOException {
    Files.createDirectories(data);
    Path temporary = Files.createTempDirectory("sambay-quantization");
    try {
      tasks(model, temporary.resolve("tasks"), problems);
      Texts texts =
          new Texts(model, Problem.all(model, (problems + TEXTS_A_PROBLEM - 1) / TEXTS_A_PROBLEM));
      texts(model, temporary.resolve("texts"), texts);
      parts(model, goldens, temporary.resolve("parts"), texts);
      layersAlone(model, goldens, temporary.resolve("layers-alone"), texts);
      layers(model, temporary.resolve("layers"), Variant.all());
      for (String golden : GOLDEN_MODELS) {
        List<Variant> computed = Variant.all().subList(0, COMPUTED);
        layers(goldens.resolve(golden), temporary.resolve(golden), computed);
      }
    } finally {
      delete(temporary);
    }
  }

  private void tasks(Path model, Path temporary, int problems) throws IOException {
    Tasks tasks = new Tasks(model, Problem.all(model, problems));
    Variant.Copies copies = copies(model, temporary);
    Table table = new Table("weights", "kind", "right", "lost", "won", "same_text");
    for (Variant variant : Variant.all()) {
      progress("problems: " + variant.name());
      tasks
          .run(variant.directory(model, copies), variant)
          .forEach(
              (kind, result) ->
                  table.row(
                      variant.name(),
                      kind,
                      result.right().toString(),
                      String.valueOf(result.lost()),
                      String.valueOf(result.won()),
                      result.sameText().toString()));
    }
    table.print(out, "Problems answered greedily, at most %d of a kind".formatted(problems));
    table.write(data.resolve("problems.csv"));
  }

  private void texts(Path model, Path temporary, Texts texts) throws IOException {
    Variant.Copies copies = copies(model, temporary);
    Table table = new Table("weights", "kl", "top1", "logit_error", "loss");
    for (Variant variant : Variant.all()) {
      progress("texts: " + variant.name());
      Texts.Result result = texts.run(variant.directory(model, copies), variant);
      table.row(
          variant.name(),
          number(result.kl()),
          number(result.top1()),
          number(result.logitError()),
          number(result.loss()));
    }
    table.print(out, "Right answers read token by token");
    table.write(data.resolve("texts.csv"));
  }

  /** One part at a time rounded, all else as stored. */
  private void parts(Path model, Path goldens, Path temporary, Texts texts) throws IOException {
    List<Path> models = new ArrayList<>(List.of(model));
    GOLDEN_MODELS.forEach(golden -> models.add(goldens.resolve(golden)));
    Table table = new Table("part", "share", "weights", "kl", "top1", "logit_error", "goldens");
    for (Part part : Part.all()) {
      progress("parts: " + part.name());
      for (DType type : List.of(DType.INT8, DType.INT4)) {
        Alone alone = alone(models, temporary, texts, part, type);
        table.row(
            part.name(),
            number(part.share(tensors(model))),
            type.name().toLowerCase(Locale.ROOT),
            number(alone.text.kl()),
            number(alone.text.top1()),
            number(alone.text.logitError()),
            number(alone.goldenError));
      }
    }
    table.print(out, "One part at a time rounded, weights alone");
    table.write(data.resolve("parts.csv"));
  }

  /** One layer at a time rounded to int4, all else as stored. */
  private void layersAlone(Path model, Path goldens, Path temporary, Texts texts)
      throws IOException {
    Path golden = goldens.resolve(GOLDEN_MODELS.get(0));
    Table table = new Table("model", "layer", "kind", "kl", "logit_error");
    ModelConfig config = ModelConfig.read(model.resolve(ModelConfig.FILE));
    for (int layer = 0; layer < config.layers().size(); layer++) {
      progress("layers: " + layer);
      Alone alone = alone(List.of(model), temporary, texts, Part.layer(layer), DType.INT4);
      table.row(
          "trained",
          String.valueOf(layer),
          config.layers().get(layer).name().toLowerCase(Locale.ROOT),
          number(alone.text.kl()),
          number(alone.text.logitError()));
    }
    Map<String, float[]> want = LayerErrors.activations(golden, Variant.STORED);
    ModelConfig deep = ModelConfig.read(golden.resolve(ModelConfig.FILE));
    for (int layer = 0; layer < deep.layers().size(); layer++) {
      Path copy = temporary.resolve("deep");
      RoundedCopy.write(golden, copy, Part.layer(layer), DType.INT4);
      double error = logitError(want, copy);
      delete(copy);
      table.row(
          "random",
          String.valueOf(layer),
          deep.layers().get(layer).name().toLowerCase(Locale.ROOT),
          "",
          number(error));
    }
    table.print(out, "One layer at a time rounded to int4, weights alone");
    table.write(data.resolve("layers.csv"));
  }

  /** The trained model on texts, and the mean error of the logits of the others. */
  private record Alone(Texts.Result text, double goldenError) {}

  private static Alone alone(List<Path> models, Path temporary, Texts texts, Part part, DType type)
      throws IOException {
    Path copy = temporary.resolve("copy");
    RoundedCopy.write(models.get(0), copy, part, type);
    Texts.Result text = texts.run(copy, Variant.STORED);
    delete(copy);
    double error = 0;
    List<Path> others = models.subList(1, models.size());
    for (Path golden : others) {
      RoundedCopy.write(golden, copy, part, type);
      error += logitError(LayerErrors.activations(golden, Variant.STORED), copy) / others.size();
      delete(copy);
    }
    return new Alone(text, error);
  }

  private static double logitError(Map<String, float[]> want, Path copy) {
    Map<String, float[]> got = LayerErrors.activations(copy, Variant.STORED);
    return Objects.requireNonNull(LayerErrors.relative(want, got).get("logits"));
  }

  private void layers(Path model, Path temporary, List<Variant> variants) throws IOException {
    progress("activations: " + model.getFileName());
    Variant.Copies copies = copies(model, temporary);
    Map<String, float[]> want = LayerErrors.activations(model, Variant.STORED);
    List<String> header = new ArrayList<>(List.of("weights"));
    header.addAll(want.keySet());
    Table table = new Table(header.toArray(String[]::new));
    for (Variant variant : variants) {
      if (variant.equals(Variant.STORED)) {
        continue; // the measure itself
      }
      List<String> row = new ArrayList<>(List.of(variant.name()));
      LayerErrors.relative(want, LayerErrors.activations(variant.directory(model, copies), variant))
          .values()
          .forEach(error -> row.add(String.format(Locale.ROOT, "%.4f", error)));
      table.row(row.toArray(String[]::new));
    }
    table.print(out, "Relative error of the activations of %s".formatted(model.getFileName()));
  }

  private static ModelTensors tensors(Path model) {
    return ModelTensors.of(ModelConfig.read(model.resolve(ModelConfig.FILE)));
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

  private static void progress(String what) {
    System.err.println(what);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4g", value);
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
