package io.sambay4j.bench.targets;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** A ratio that a model should reach, and what it reached in each round. */
final class Target {
  private final String work;
  private final double must;
  private final double aim;
  private final boolean atMost;
  private final List<Double> reached = new ArrayList<>();

  private Target(String work, double must, double aim, boolean atMost) {
    this.work = work;
    this.must = must;
    this.aim = aim;
    this.atMost = atMost;
  }

  /** The more the better. */
  static Target atLeast(String work, double must, double aim) {
    return new Target(work, must, aim, false);
  }

  /** The less the better. */
  static Target atMost(String work, double must, double aim) {
    return new Target(work, must, aim, true);
  }

  void add(double ratio) {
    reached.add(ratio);
  }

  /** A row of Markdown; ratios below 2 in percent. */
  String row() {
    if (reached.isEmpty()) {
      return "| %s | not measured | %s | %s | |".formatted(work, number(must), number(aim));
    }
    double[] sorted = reached.stream().mapToDouble(ratio -> ratio).sorted().toArray();
    String range =
        sorted.length == 1
            ? ""
            : " (%s)"
                .formatted(
                    String.join(", ", Arrays.stream(sorted).mapToObj(this::number).toList()));
    double median = median(sorted);
    return "| %s | %s%s | %s | %s | %s |"
        .formatted(work, number(median), range, number(must), number(aim), verdict(median));
  }

  private String verdict(double ratio) {
    if (atMost ? ratio <= aim : ratio >= aim) {
      return "aim";
    }
    return (atMost ? ratio <= must : ratio >= must) ? "must" : "**missed**";
  }

  private String number(double ratio) {
    return Math.max(must, aim) <= 1
        ? String.format(Locale.ROOT, "%.0f %%", 100 * ratio)
        : String.format(Locale.ROOT, "%.2fx", ratio);
  }

  private static double median(double[] sorted) {
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}
