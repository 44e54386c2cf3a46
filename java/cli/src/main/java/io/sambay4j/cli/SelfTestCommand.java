package io.sambay4j.cli;

import io.sambay4j.NativeException;
import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.NativeLibrary;
import io.sambay4j.backend.ReferenceBackend;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "self-test",
    description =
        "Runs every kernel on this machine, for each set of CPU instructions it has and on the first card, on random "
            + "numbers, and compares with the plain Java reference. Shows the largest error of each, relative to the largest "
            + "number expected; exit code 1 if one is over its limit.",
    header = "Tests every kernel on this machine.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {"  sambay self-test", "  sambay self-test --target avx2 --threads 3 --seed 42"})
final class SelfTestCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "--target",
      paramLabel = "NAME",
      order = 1,
      description = "Only these CPU instructions: scalar, avx2, avx512 or amx.")
  private DeviceOptions.@Nullable Target only;

  @Option(
      names = "--threads",
      paramLabel = "N",
      order = 2,
      defaultValue = "0",
      description = "CPU threads. Default: one for each core.")
  private int threads;

  @Option(
      names = "--seed",
      paramLabel = "N",
      order = 3,
      defaultValue = "1",
      description = "Seed of the random numbers. Default: 1.")
  private long seed;

  SelfTestCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Optional<Throwable> unavailable = NativeLibrary.unavailabilityCause();
    if (unavailable.isPresent()) {
      throw new UnsupportedOperationException(
          "there is nothing to test: " + unavailable.get().getMessage());
    }
    Map<String, Backend> targets = openTargets();
    try (ReferenceBackend reference = new ReferenceBackend()) {
      return compare(reference, targets);
    } finally {
      targets.values().forEach(Backend::close);
    }
  }

  private Map<String, Backend> openTargets() {
    Map<String, Backend> targets = new LinkedHashMap<>();
    for (DeviceOptions.Target target : DeviceOptions.Target.values()) {
      String name = Names.of(target);
      if (only == null || only == target) {
        try {
          targets.put(name, Backends.open("cpu", name, threads));
        } catch (NativeException e) {
          if (only != null) {
            throw e;
          }
          console.note(name + " is not tested: " + e.getMessage());
        }
      }
    }
    if (only == null) {
      openCard(targets);
    }
    return targets;
  }

  private void openCard(Map<String, Backend> targets) {
    try {
      targets.put("cuda", Backends.open("cuda", null, 0));
    } catch (UnsupportedOperationException e) {
      console.note("cuda is not tested: " + e.getMessage());
    }
  }

  private int compare(Backend reference, Map<String, Backend> targets) {
    List<String> columns = new ArrayList<>(List.of("operation", "activations"));
    targets.keySet().forEach(name -> columns.add(">" + name));
    columns.add(">limit");
    columns.add("");
    Table table = new Table(columns.toArray(String[]::new));
    int failed = 0;
    List<KernelCheck> checks = KernelCheck.all();
    for (KernelCheck check : checks) {
      float[][] want = check.run(reference, seed);
      List<Object> row = new ArrayList<>(List.of(check.operation(), check.activations()));
      boolean passed = true;
      for (Map.Entry<String, Backend> target : targets.entrySet()) {
        if (!check.runsOn(target.getValue())) {
          row.add("-");
          continue;
        }
        double error = error(check, target.getValue(), want);
        passed &= error <= check.limit();
        row.add(Units.format("%.1e", error));
      }
      row.add(Units.format("%.0e", check.limit()));
      row.add(passed ? "ok" : "FAILED");
      failed += passed ? 0 : 1;
      table.row(row.toArray());
    }
    table.print(console.out());
    console
        .out()
        .println(
            failed == 0
                ? "%d checks passed on %s"
                    .formatted(checks.size(), String.join(", ", targets.keySet()))
                : "%d of %d checks FAILED (seed %d)".formatted(failed, checks.size(), seed));
    return failed == 0 ? Cli.OK : Cli.FAILURE;
  }

  /**
   * The largest difference relative to the largest number expected; infinite if the operation
   * failed.
   */
  private double error(KernelCheck check, Backend backend, float[][] want) {
    float[][] got;
    try {
      got = check.run(backend, seed);
    } catch (IllegalArgumentException | NativeException e) {
      console.note(
          "%s on %s: %s".formatted(check.operation(), backend.description(), e.getMessage()));
      return Double.POSITIVE_INFINITY;
    }
    double worst = 0;
    for (int i = 0; i < want.length; i++) {
      worst = Math.max(worst, relativeError(want[i], got[i]));
    }
    return worst;
  }

  private static double relativeError(float[] want, float[] got) {
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < want.length; i++) {
      double d = Math.abs((double) want[i] - got[i]);
      if (Double.isNaN(d)) {
        return Double.POSITIVE_INFINITY;
      }
      difference = Math.max(difference, d);
      largest = Math.max(largest, Math.abs(want[i]));
    }
    return difference == 0 ? 0 : difference / largest;
  }
}
