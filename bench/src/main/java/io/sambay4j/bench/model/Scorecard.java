package io.sambay4j.bench.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What a card must reach and what it reached: one line for each demand, from the files that {@code
 * ci/gpu/bench.sh} leaves in its working directory.
 *
 * <pre>
 * Scorecard DIR
 * </pre>
 *
 * It reads {@code ours.tsv} ({@link Main}), {@code workload.tsv} ({@link WorkloadMain}), {@code
 * peer.tsv} (the PyTorch peer), {@code gaps.tsv} and {@code kernels-*.json}; a line whose files are
 * not there says so.
 */
public final class Scorecard {
  private static final String AS_STORED = " as stored";
  private static final double MISSING = Double.NaN;

  /** First column to the numbers of the others; of a key that comes twice the last. */
  private final Map<String, double[]> lines = new HashMap<>();

  private final List<JsonNode> reports = new ArrayList<>();

  /** A demand and what became of it; {@code atMost}: less is better. */
  record Line(String work, String unit, double reached, double must, double aim, boolean atMost) {
    String verdict() {
      if (Double.isNaN(reached)) {
        return "not measured";
      }
      boolean meetsMust = atMost ? reached <= must : reached >= must;
      boolean meetsAim = atMost ? reached <= aim : reached >= aim;
      return meetsAim && meetsMust ? "aim" : meetsMust ? "must" : "MISSED";
    }
  }

  Scorecard(Path dir) throws IOException {
    for (String name : List.of("ours.tsv", "workload.tsv", "peer.tsv", "gaps.tsv")) {
      Path file = dir.resolve(name);
      if (Files.exists(file)) {
        Files.readAllLines(file).forEach(this::add);
      }
    }
    ObjectMapper mapper = new ObjectMapper();
    try (Stream<Path> files = Files.list(dir)) {
      for (Path file :
          files.filter(f -> f.getFileName().toString().matches("kernels-.*\\.json")).toList()) {
        reports.add(mapper.readTree(file.toFile()));
      }
    }
  }

  public static void main(String[] args) throws IOException {
    if (args.length != 1) {
      System.err.println("bench: Scorecard DIR");
      System.exit(2);
    }
    System.out.print(new Scorecard(Path.of(args[0])).table());
  }

  private void add(String line) {
    String[] columns = line.split("\t", -1);
    double[] numbers = new double[columns.length - 1];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = Double.parseDouble(columns[i + 1]);
    }
    lines.put(columns[0], numbers);
  }

  /**
   * A number of a line: of {@code ours.tsv} seconds, floor, share of the copy, of the matrix rate.
   */
  private double number(String key, int column) {
    double[] numbers = lines.get(key);
    return numbers == null || numbers.length <= column ? MISSING : numbers[column];
  }

  private double ofFloor(String key) {
    return 100 * number(key, 1) / number(key, 0);
  }

  /**
   * What is measured of one kernel.
   *
   * @param percentOfLimit the floor as a part of the time
   * @param percentOfCopy the bytes at the rate of a copy as a part of the time
   */
  private record Kernel(double seconds, double percentOfLimit, double percentOfCopy) {
    static final Kernel NONE = new Kernel(MISSING, MISSING, MISSING);
  }

  private Kernel kernel(String operation, Map<String, String> parameters) {
    for (JsonNode report : reports) {
      for (JsonNode measured : report.path("measurements")) {
        if (measured.path("operation").asText().equals(operation)
            && parameters.entrySet().stream()
                .allMatch(
                    p ->
                        measured
                            .path("parameters")
                            .path(p.getKey())
                            .asText()
                            .equals(p.getValue()))) {
          return new Kernel(
              measured.path("seconds").asDouble(),
              measured.path("percentOfLimit").asDouble(),
              measured.path("percentOfCopy").asDouble());
        }
      }
    }
    return Kernel.NONE;
  }

  List<Line> lines() {
    List<Line> all = new ArrayList<>();
    String step = "decode b1 c2048";
    all.add(share("decode b1 at 2K, bf16: of the copy bandwidth", copy(step + AS_STORED), 70, 90));
    all.add(share("decode b1 at 2K, int8: of the copy bandwidth", copy(step + " int8"), 60, 75));
    all.add(share("decode b1 at 2K, int4: of the copy bandwidth", copy(step + " int4"), 50, 65));
    all.add(
        share(
            "decode b64 at 8K: of the larger floor",
            ofFloor("decode b64 c8192" + AS_STORED),
            60,
            80));
    for (int tokens : new int[] {2048, 8192}) {
      double matrix = 100 * number("prefill " + tokens + AS_STORED, 3);
      all.add(
          share(
              "prefill of %dK: of the bf16 matrix rate".formatted(tokens / 1024), matrix, 40, 60));
    }
    double perToken64 = number("prefill 65536" + AS_STORED, 0) / 65536;
    double perToken4 = number("prefill 4096" + AS_STORED, 0) / 4096;
    all.add(
        new Line("prefill per token, 64K against 4K", "x", perToken64 / perToken4, 1.2, 1.1, true));

    Kernel prompt =
        kernel("DiffAttention", Map.of("rows", "8192", "window", "0", "activations", "BF16"));
    all.add(
        times(
            "differential attention of 8K against 4 SDPA",
            number("sdpa4 8192", 0) / prompt.seconds,
            1.2,
            1.6));
    Kernel far =
        kernel(
            "DiffAttention",
            Map.of("rows", "1", "context", "32768", "window", "0", "activations", "BF16"));
    all.add(
        share(
            "differential attention, decode at 32K: of the copy bandwidth",
            far.percentOfCopy,
            70,
            85));
    Kernel scan = kernel("SelectiveScan", Map.of("rows", "8192", "activations", "BF16"));
    all.add(share("selective scan of 8K: of its floor", scan.percentOfLimit, 45, 65));
    all.add(
        times("selective scan of 8K against PyTorch", number("scan 8192", 0) / scan.seconds, 2, 2));
    all.add(new Line("launch gaps in a decode step", "%", 100 * number("gaps", 0), 5, 2, true));
    double ratio = number("workload ratio", 0);
    all.add(times("2K read, 32K generated, flash against Phi-4-mini", ratio, 2.5, 3.3));
    double flash = number("workload flash", 0) / number("workload flash", 1);
    all.add(share("the same, flash: of what bytes and products allow", 100 * flash, 60, 75));
    return all;
  }

  private double copy(String key) {
    double share = number(key, 2);
    return share > 0 ? 100 * share : MISSING;
  }

  private static Line share(String work, double percent, double must, double aim) {
    return new Line(work, "%", percent, must, aim, false);
  }

  private static Line times(String work, double times, double must, double aim) {
    return new Line(work, "x", times, must, aim, false);
  }

  String table() {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format("%-62s | %9s | %7s | %7s | %s%n", "", "reached", "must", "aim", "verdict"));
    for (Line line : lines()) {
      text.append(
          String.format(
              Locale.ROOT,
              "%-62s | %9s | %7s | %7s | %s%n",
              line.work,
              Double.isNaN(line.reached) ? "-" : number(line.reached, line.unit),
              number(line.must, line.unit),
              number(line.aim, line.unit),
              line.verdict()));
    }
    return text.toString();
  }

  private static String number(double value, String unit) {
    return String.format(Locale.ROOT, unit.equals("%") ? "%.1f %%" : "%.2f x", value);
  }
}
