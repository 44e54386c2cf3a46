package io.sambay4j.bench.targets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Measures a full-size hybrid model on this CPU by {@code sambay bench}, every test in a process of
 * its own beside the limits measured around it, and prints one table with what should be reached.
 *
 * <pre>
 * Main --model DIR [--rounds N] [--long TOKENS]
 * </pre>
 *
 * {@code --long} is the length of the long prompt, 65,536 unless said, read once in the first
 * round; 0: none.
 */
public final class Main {
  private static final int DEPTH = 2048;
  private static final int SHORT_PROMPT = 4096;

  /** What is asked of one format of weights. */
  private record Format(String type, Target decode, Target avx2, Target prompt, Target memory) {
    static Format of(String type, double decode, double decodeAim, double avx2, double avx2Aim) {
      return new Format(
          type,
          Target.atLeast(
              "decode, %s, context %,d: share of the reads".formatted(type, DEPTH),
              decode,
              decodeAim),
          Target.atLeast("decode, %s, AVX2 against the best target".formatted(type), avx2, avx2Aim),
          Target.atLeast("prompt of 2,048, %s: share of the products".formatted(type), 0.25, 0.4),
          Target.atMost(
              "most memory, %s, against weights, states and cache".formatted(type), 1.1, 1.05));
    }

    boolean isInt4() {
      return type.equals("int4");
    }
  }

  private final String model;
  private final int longPrompt;

  private final List<Format> formats =
      List.of(
          Format.of("int4", 0.85, 0.92, 0.75, 0.9),
          Format.of("int8", 0.85, 0.92, 0.9, 0.95),
          Format.of("bf16", 0.8, 0.9, 0.9, 0.95));
  private final Target batch8 = Target.atLeast("decode, int4, 8 sequences against 1", 5, 6);
  private final Target batch16 = Target.atLeast("decode, int4, 16 sequences against 1", 8, 10);
  private final Target neighbour =
      Target.atLeast("decode, int4, beside one busy process, of the quiet rate", 0.45, 0.6);
  private final Target longAgainstShort;

  private Main(String model, int longPrompt) {
    this.model = model;
    this.longPrompt = longPrompt;
    longAgainstShort =
        Target.atMost(
            "prompt, int4, a token of %,d against one of %,d".formatted(longPrompt, SHORT_PROMPT),
            1.25,
            1.1);
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    String model = null;
    int rounds = 3;
    int longPrompt = 65_536;
    for (int i = 0; i + 1 < args.length; i += 2) {
      switch (args[i]) {
        case "--model" -> model = args[i + 1];
        case "--rounds" -> rounds = Integer.parseInt(args[i + 1]);
        case "--long" -> longPrompt = Integer.parseInt(args[i + 1]);
        default -> model = null;
      }
    }
    if (model == null || args.length % 2 != 0 || rounds < 1 || longPrompt < 0) {
      System.err.println("targets: --model DIR [--rounds N] [--long TOKENS]");
      System.exit(2);
      return;
    }
    Main main = new Main(model, longPrompt);
    for (int round = 1; round <= rounds; round++) {
      main.round(round);
    }
    main.print();
  }

  private void round(int round) throws IOException, InterruptedException {
    for (Format format : formats) {
      String type = format.type();
      String batches = format.isInt4() ? "1,8,16" : "1";
      JsonNode quiet =
          bench(
              round,
              type,
              "--prompt 0 --gen 32 --repetitions 3 --compare-limit --batch " + batches,
              DEPTH);
      double alone = rate(test(quiet, 1));
      format.decode().add(test(quiet, 1).get("limit_share").doubleValue());
      if (format.isInt4()) {
        batch8.add(rate(test(quiet, 8)) / alone);
        batch16.add(rate(test(quiet, 16)) / alone);
        neighbour.add(rateBesideNeighbour(round) / alone);
      }
      JsonNode narrow =
          bench(round, type, "--prompt 0 --gen 32 --repetitions 3 --target avx2", DEPTH);
      format.avx2().add(rate(test(narrow, 1)) / alone);
      format
          .memory()
          .add(narrow.get("peak_bytes").doubleValue() / narrow.get("model_bytes").doubleValue());
      JsonNode read =
          bench(round, type, "--prompt 2048 --gen 0 --repetitions 1 --compare-limit", 0);
      format.prompt().add(test(read, 1).get("limit_share").doubleValue());
    }
    if (round == 1 && longPrompt > 0) {
      String prompts = "--gen 0 --repetitions 1 --context %d --prompt %d,%d";
      JsonNode tests =
          bench(round, "int4", prompts.formatted(longPrompt, SHORT_PROMPT, longPrompt), 0)
              .get("tests");
      longAgainstShort.add(rate(tests.get(0)) / rate(tests.get(1)));
    }
  }

  private double rateBesideNeighbour(int round) throws IOException, InterruptedException {
    Process busy = new ProcessBuilder("sh", "-c", "while :; do :; done").start();
    try {
      return rate(test(bench(round, "int4", "--prompt 0 --gen 32 --repetitions 3", DEPTH), 1));
    } finally {
      busy.destroyForcibly();
    }
  }

  private static JsonNode test(JsonNode report, int batch) throws IOException {
    for (JsonNode test : report.get("tests")) {
      if (test.get("batch").intValue() == batch) {
        return test;
      }
    }
    throw new IOException("no test of %d sequences in %s".formatted(batch, report));
  }

  private static double rate(JsonNode test) {
    return test.get("tokens_per_second").doubleValue();
  }

  /** Runs {@code sambay bench} once and says what came of it. */
  private JsonNode bench(int round, String type, String options, int depth)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("./sambay", "bench", "--model", model));
    command.addAll(List.of("--dtype", type, "--activations", "bf16", "--json"));
    command.addAll(List.of("--depth", Integer.toString(depth)));
    command.addAll(List.of(options.split(" ")));
    Process process =
        new ProcessBuilder(command)
            .directory(Path.of("").toAbsolutePath().toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    JsonNode report = new ObjectMapper().readTree(process.getInputStream());
    if (process.waitFor() != 0 || !report.has("tests")) {
      throw new IOException("this failed: " + String.join(" ", command));
    }
    for (JsonNode test : report.get("tests")) {
      JsonNode share = test.path("limit_share");
      System.err.printf(
          "round %d: %s %s: batch %d: %.2f tokens/s%s%n",
          round,
          type,
          options,
          test.get("batch").intValue(),
          rate(test),
          share.isMissingNode() ? "" : ", %.0f %%".formatted(100 * share.doubleValue()));
    }
    return report;
  }

  private void print() {
    List<Target> rows = new ArrayList<>();
    formats.forEach(format -> rows.add(format.decode()));
    rows.addAll(List.of(batch8, batch16, neighbour));
    formats.forEach(format -> rows.add(format.avx2()));
    formats.forEach(format -> rows.add(format.prompt()));
    if (longPrompt > 0) {
      rows.add(longAgainstShort);
    }
    formats.forEach(format -> rows.add(format.memory()));
    System.out.println("| work | reached: median (all rounds) | must | aim | |");
    System.out.println("| --- | --- | --- | --- | --- |");
    rows.forEach(row -> System.out.println(row.row()));
  }
}
