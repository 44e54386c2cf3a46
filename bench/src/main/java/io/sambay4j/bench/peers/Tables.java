package io.sambay4j.bench.peers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.bench.peers.Engine.Test;
import io.sambay4j.bench.peers.Row.Entry;
import io.sambay4j.bench.peers.Samples.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The samples as tables. */
final class Tables {
  private static final String RATES =
      """
      Tokens a second, median (range) of the rounds. %: share of the read rate, every byte of the
      weights counted once. x: sambay4j's rate over this one.

      """;
  private static final String MEMORY =
      """

      Most resident memory in GiB (in brackets, what is not pages of the model's file, at the end),
      and seconds to load.

      """;

  private final List<Row> rows;
  private final Samples samples;
  private final Set<Engine> engines;
  private final Set<String> notes = new LinkedHashSet<>();

  Tables(List<Row> rows, Samples samples, Set<Engine> engines) {
    this.rows = rows;
    this.samples = samples;
    this.engines = engines;
  }

  /** Rates, memory, and why something is missing. */
  String markdown() throws IOException {
    StringBuilder text = new StringBuilder();
    List<Sample> limits = samples.good(Samples.LIMITS, "");
    if (!limits.isEmpty()) {
      double[] rates = limits.stream().mapToDouble(s -> s.rate() / 1e9).toArray();
      text.append(
          "%s reads %s GB/s at best, measured beside every row.%n%n"
              .formatted(limits.get(0).about(), spread(rates)));
    }
    text.append(RATES);
    List<String> header = new ArrayList<>(List.of("", "weights"));
    engines.forEach(engine -> header.add(engine.title()));
    line(text, header);
    line(text, header.stream().map(cell -> "---").toList());
    for (Row row : rows) {
      List<String> cells = new ArrayList<>(List.of(row.what(), row.weights()));
      for (Engine engine : engines) {
        cells.add(rate(row, engine));
      }
      line(text, cells);
    }
    text.append(MEMORY);
    line(text, header);
    line(text, header.stream().map(cell -> "---").toList());
    for (Row row : rows) {
      List<String> cells = new ArrayList<>(List.of(row.what(), row.weights()));
      for (Engine engine : engines) {
        cells.add(memory(row, engine));
      }
      line(text, cells);
    }
    if (!notes.isEmpty()) {
      text.append('\n');
      notes.forEach(note -> text.append("- ").append(note).append('\n'));
    }
    return text.toString();
  }

  private String rate(Row row, Engine engine) throws IOException {
    Entry entry = row.entries().get(engine);
    if (entry == null) {
      return "";
    }
    List<Sample> good = samples.good(row.id(), engine.title());
    if (good.isEmpty()) {
      note(row, engine, entry);
      return "–";
    }
    double[] rates = rates(good);
    StringBuilder cell = new StringBuilder(spread(rates));
    double limit = limit();
    if (row.test() == Test.DECODE
        && row.context() == 0
        && limit > 0
        && Files.exists(entry.model())) {
      double share = Samples.median(rates) * bytes(entry) / limit;
      cell.append(String.format(Locale.ROOT, ", %.0f %%", 100 * share));
    }
    List<Sample> own = samples.good(row.id(), Engine.SAMBAY.title());
    if (engine != Engine.SAMBAY && !own.isEmpty()) {
      double ratio = Samples.median(rates(own)) / Samples.median(rates);
      cell.append(String.format(Locale.ROOT, ", %.2fx", ratio));
    }
    if (row.test() == Test.PREFILL && entry.tokens() != most(row)) {
      notes.add("%s reads prompts of %,d only.".formatted(engine.title(), entry.tokens()));
    }
    return cell.toString();
  }

  private static int most(Row row) {
    return row.entries().values().stream().mapToInt(Entry::tokens).max().orElse(0);
  }

  private void note(Row row, Engine engine, Entry entry) {
    String failed = samples.error(row.id(), engine.title());
    String reason = entry.reason().isEmpty() ? failed : entry.reason();
    if (reason.isEmpty()) {
      reason = engine.missing();
    }
    notes.add(
        "%s, %s: %s"
            .formatted(engine.title(), row.weights(), reason.isEmpty() ? "not run" : reason));
  }

  private String memory(Row row, Engine engine) {
    List<Sample> good = samples.good(row.id(), engine.title());
    if (good.isEmpty()) {
      return row.entries().containsKey(engine) ? "–" : "";
    }
    double gib = 1L << 30;
    return String.format(
        Locale.ROOT,
        "%.2f (%.2f), %.1f s",
        Samples.median(good.stream().mapToDouble(s -> s.peak() / gib).toArray()),
        Samples.median(good.stream().mapToDouble(s -> s.anonymous() / gib).toArray()),
        Samples.median(good.stream().mapToDouble(Sample::load).toArray()));
  }

  /** Bytes of the weights a token reads: the file, nearly. */
  private static long bytes(Entry entry) throws IOException {
    if (Files.isRegularFile(entry.model())) {
      return Files.size(entry.model());
    }
    long bytes = 0;
    try (var files = Files.list(entry.model())) {
      for (var file : files.filter(f -> f.toString().endsWith(".safetensors")).toList()) {
        bytes += Files.size(file);
      }
    }
    return bytes;
  }

  private double limit() {
    List<Sample> limits = samples.good(Samples.LIMITS, "");
    return limits.isEmpty() ? 0 : Samples.median(rates(limits));
  }

  private static double[] rates(List<Sample> good) {
    return good.stream().mapToDouble(Sample::rate).toArray();
  }

  /** "12.3 (12.0 to 12.5)". */
  private static String spread(double[] values) {
    double least = java.util.Arrays.stream(values).min().orElse(0);
    double most = java.util.Arrays.stream(values).max().orElse(0);
    return "%s (%s to %s)".formatted(number(Samples.median(values)), number(least), number(most));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
  }

  private static void line(StringBuilder text, List<String> cells) {
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  /** All samples, and the medians of the table. */
  String json() throws JsonProcessingException {
    ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    ObjectNode root = json.createObjectNode().put("date", java.time.Instant.now().toString());
    root.put("read_bytes_per_second", limit());
    ArrayNode table = root.putArray("rows");
    for (Row row : rows) {
      ObjectNode node =
          table
              .addObject()
              .put("id", row.id())
              .put("what", row.what())
              .put("weights", row.weights());
      ObjectNode rates = node.putObject("tokens_per_second");
      for (Engine engine : engines) {
        List<Sample> good = samples.good(row.id(), engine.title());
        if (!good.isEmpty()) {
          rates.put(engine.title(), Samples.median(rates(good)));
        }
      }
    }
    root.set("samples", json.valueToTree(samples.all()));
    return json.writeValueAsString(root);
  }
}
