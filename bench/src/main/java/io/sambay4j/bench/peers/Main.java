package io.sambay4j.bench.peers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.bench.peers.Engine.Test;
import io.sambay4j.bench.peers.Row.Entry;
import io.sambay4j.bench.peers.Samples.Sample;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Compares this engine with llama.cpp and Jlama on random weights of the same shape: every engine
 * in a process of its own, one at a time, by turns, round by round, beside what the machine reads
 * in the same minutes. Prints tables in Markdown and writes them, with all samples, as JSON.
 *
 * <p>Started by {@code bench/peers/run.sh}, which explains the options.
 */
public final class Main {
  private static final double LIMIT_SECONDS = 3;

  private Path work = Path.of(System.getProperty("java.io.tmpdir"), "sambay-peers");
  private int rounds = 3;
  private int prompt = 2048;
  private int tokens = 32;
  private int threads = Runtime.getRuntime().availableProcessors();
  private long timeoutSeconds = 900;
  private String activations = "bf16";
  private String rowPattern = ".*";
  private Set<Engine> engines = EnumSet.allOf(Engine.class);
  private List<String> prefix = List.of();
  private List<String> shape = List.of("--shape", "phi4-mini");
  private List<Integer> contexts = List.of(4096);
  private Path flash = Path.of("");
  private boolean reportOnly;
  private boolean prepareOnly;

  private Main() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Main main = new Main();
    try {
      main.parse(args);
    } catch (IllegalArgumentException e) {
      System.err.println("peers: " + e.getMessage());
      System.exit(2);
    }
    main.run();
  }

  private void parse(String[] args) {
    for (int i = 0; i < args.length; i++) {
      String option = args[i];
      if (option.equals("--report") || option.equals("--prepare")) {
        reportOnly |= option.equals("--report");
        prepareOnly |= option.equals("--prepare");
        continue;
      }
      if (i + 1 == args.length) {
        throw new IllegalArgumentException(option + " needs a value");
      }
      String value = args[++i];
      switch (option) {
        case "--work" -> work = Path.of(value);
        case "--rounds" -> rounds = Integer.parseInt(value);
        case "--prompt" -> prompt = Integer.parseInt(value);
        case "--tokens" -> tokens = Integer.parseInt(value);
        case "--threads" -> threads = Integer.parseInt(value);
        case "--timeout" -> timeoutSeconds = Long.parseLong(value);
        case "--activations" -> activations = value;
        case "--rows" -> rowPattern = value;
        case "--engines" -> engines = engines(value);
        case "--prefix" -> prefix = Arrays.asList(value.split(" +", -1));
        case "--config" -> shape = List.of("--config", value);
        case "--contexts" ->
            contexts = Arrays.stream(value.split(",", -1)).map(Integer::valueOf).toList();
        case "--flash" -> flash = Path.of(value);
        default -> throw new IllegalArgumentException("unknown option " + option);
      }
    }
  }

  private static Set<Engine> engines(String names) {
    Set<Engine> chosen = EnumSet.noneOf(Engine.class);
    for (String name : names.split(",", -1)) {
      chosen.add(Engine.valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_')));
    }
    return chosen;
  }

  private void run() throws IOException, InterruptedException {
    Files.createDirectories(work.resolve("logs"));
    Models models = new Models(work.resolve("models"), shape);
    List<Row> rows =
        new Comparison(models, flash, prompt, tokens, contexts)
            .rows().stream().filter(row -> row.id().matches(rowPattern)).toList();
    if (prepareOnly) {
      for (Row row : rows) {
        for (Map.Entry<Engine, Entry> entry : row.entries().entrySet()) {
          if (isRunnable(entry.getKey(), entry.getValue())) {
            models.make(entry.getValue().model());
          }
        }
      }
      return;
    }
    Samples samples = new Samples(work.resolve("samples.jsonl"));
    if (!reportOnly) {
      for (int round = 1; round <= rounds; round++) {
        for (Row row : rows) {
          limits(samples, round, row);
          for (Engine engine : turn(round)) {
            measure(samples, models, round, row, engine);
          }
        }
      }
    }
    Tables tables = new Tables(rows, samples, engines);
    System.out.print(tables.markdown());
    Files.writeString(work.resolve("peers.md"), tables.markdown());
    Files.writeString(work.resolve("peers.json"), tables.json());
    System.err.println("written: " + work.resolve("peers.md") + ", " + work.resolve("peers.json"));
  }

  /** The engines, each round beginning with another. */
  private List<Engine> turn(int round) {
    List<Engine> order = new ArrayList<>(engines);
    Collections.rotate(order, -(round - 1));
    return order;
  }

  /** What the machine reads, beside each row of each round. */
  private void limits(Samples samples, int round, Row row)
      throws IOException, InterruptedException {
    boolean allDone =
        row.entries().keySet().stream().allMatch(engine -> skip(samples, round, row, engine));
    if (allDone) {
      return;
    }
    List<String> command = new ArrayList<>(Engine.SAMBAY.program());
    command.addAll(List.of("limits", String.valueOf(LIMIT_SECONDS), String.valueOf(threads)));
    JsonNode result = process(command, work.resolve("logs").resolve(Samples.LIMITS + ".log"));
    double rate = result.path("read").asDouble();
    System.err.printf(Locale.ROOT, "round %d: reads %.1f GB/s%n", round, rate / 1e9);
    samples.add(
        new Sample(
            round,
            Samples.LIMITS,
            "",
            rate,
            0,
            0,
            0,
            result.path("about").asText(),
            result.path("error").asText()));
  }

  private boolean skip(Samples samples, int round, Row row, Engine engine) {
    Entry entry = row.entries().get(engine);
    return entry == null
        || !isRunnable(engine, entry)
        || samples.isDone(round, row.id(), engine.title());
  }

  private boolean isRunnable(Engine engine, Entry entry) {
    return engines.contains(engine) && entry.reason().isEmpty() && engine.missing().isEmpty();
  }

  private void measure(Samples samples, Models models, int round, Row row, Engine engine)
      throws IOException, InterruptedException {
    Entry entry = row.entries().get(engine);
    if (entry == null || skip(samples, round, row, engine)) {
      return;
    }
    models.make(entry.model());
    List<String> command =
        engine.command(
            entry.model(),
            row.test(),
            entry.tokens(),
            row.context(),
            entry.type(),
            new Engine.Options(threads, activations));
    String name = "%d-%s-%s.log".formatted(round, row.id(), engine.name().toLowerCase(Locale.ROOT));
    JsonNode result = process(command, work.resolve("logs").resolve(name));
    double[] seconds = new double[result.path("seconds").size()];
    for (int i = 0; i < seconds.length; i++) {
      seconds[i] = result.path("seconds").get(i).asDouble();
    }
    double rate = 0;
    if (seconds.length > 0) {
      double median = Samples.median(seconds);
      rate = row.test() == Test.DECODE ? 1 / median : entry.tokens() / median;
    }
    String error = result.path("error").asText();
    System.err.printf(
        Locale.ROOT,
        "round %d: %s, %s: %s%n",
        round,
        row.id(),
        engine.title(),
        error.isEmpty() ? "%.2f tokens/s".formatted(rate) : error);
    samples.add(
        new Sample(
            round,
            row.id(),
            engine.title(),
            rate,
            result.path("load").asDouble(),
            result.path("peak").asLong(),
            result.path("anonymous").asLong(),
            result.path("about").asText(),
            error));
  }

  /** The JSON that a process printed last, or an object with an error. */
  private JsonNode process(List<String> command, Path log)
      throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(prefix);
    all.addAll(command);
    Path output = log.resolveSibling(log.getFileName() + ".out");
    Process process =
        new ProcessBuilder(all).redirectError(log.toFile()).redirectOutput(output.toFile()).start();
    if (!process.waitFor(timeoutSeconds, TimeUnit.SECONDS)) {
      process.descendants().forEach(ProcessHandle::destroy);
      process.destroy();
      process.waitFor();
      return error("more than %d seconds".formatted(timeoutSeconds));
    }
    ObjectMapper json = new ObjectMapper();
    List<String> lines = lines(output);
    for (int i = lines.size() - 1; i >= 0; i--) {
      if (lines.get(i).startsWith("{")) {
        return json.readTree(lines.get(i));
      }
    }
    return error("ended with %d: %s".formatted(process.exitValue(), complaint(lines(log))));
  }

  private static JsonNode error(String message) {
    return new ObjectMapper().createObjectNode().put("error", message);
  }

  private static List<String> lines(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList();
  }

  /** The line that says most: the first that names an error, else the last. */
  private static String complaint(List<String> lines) {
    return lines.stream()
        .filter(line -> line.contains("Exception") || line.contains("Error"))
        .findFirst()
        .orElse(lines.isEmpty() ? "no message" : lines.get(lines.size() - 1));
  }
}
