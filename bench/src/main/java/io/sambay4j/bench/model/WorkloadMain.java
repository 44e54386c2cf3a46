package io.sambay4j.bench.model;

import io.sambay4j.backend.DType;
import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.bench.model.Workload.Run;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.SambayModel;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The workload of the SambaY paper on two models: prompts of 2K tokens, 32K generated, as many
 * sequences as the device's memory holds. Prints the throughput of each beside what bytes and
 * products allow, and how many times the second's the first's is.
 *
 * <pre>
 * WorkloadMain --model DIR [--beside DIR] [--device NAME] [--dtype TYPE] [--activations TYPE]
 *              [--prompt TOKENS] [--generated TOKENS] [--points N] [--batch N]
 *              [--steps N] [--runs N] [--step-tokens N] [--limits SECONDS] [--out FILE]
 * </pre>
 *
 * {@code --batch} fixes the number of sequences. {@code --limits 0} leaves out what is predicted.
 * {@code --out} appends lines of {@code workload NAME TAB tokens a second TAB predicted} to a file,
 * and {@code workload ratio TAB measured TAB predicted} of two models.
 */
public final class WorkloadMain {
  private Path model = Path.of("models/tiny-reasoner");
  private @Nullable Path beside;
  private String device = "auto";
  private @Nullable DType weights;
  private DType activations = DType.F32;
  private int prompt = 2048;
  private int generated = 32768;
  private int points = 5;
  private int batch; // 0: as many as the memory holds
  private int steps = 20;
  private int runs = 3;
  private int stepTokens = 2048;
  private double limitsSeconds = 3;
  private @Nullable Path out;

  private WorkloadMain() {}

  public static void main(String[] args) throws IOException {
    try {
      WorkloadMain main = new WorkloadMain();
      main.parse(args);
      main.run(System.out);
    } catch (IllegalArgumentException e) {
      System.err.println("bench: " + e.getMessage());
      System.exit(2);
    } catch (UnsupportedOperationException e) {
      System.err.println("bench: " + e.getMessage());
      System.exit(1);
    }
  }

  private void parse(String[] args) {
    if (args.length % 2 != 0) {
      throw new IllegalArgumentException("every option has a value");
    }
    for (int i = 0; i < args.length; i += 2) {
      String value = args[i + 1];
      switch (args[i]) {
        case "--model" -> model = Path.of(value);
        case "--beside" -> beside = Path.of(value);
        case "--device" -> device = value;
        case "--dtype" -> weights = BenchModel.dtype(value);
        case "--activations" -> activations = BenchModel.dtype(value);
        case "--prompt" -> prompt = BenchModel.number(value);
        case "--generated" -> generated = BenchModel.number(value);
        case "--points" -> points = BenchModel.number(value);
        case "--batch" -> batch = BenchModel.number(value);
        case "--steps" -> steps = BenchModel.number(value);
        case "--runs" -> runs = BenchModel.number(value);
        case "--step-tokens" -> stepTokens = BenchModel.number(value);
        case "--limits" -> limitsSeconds = Double.parseDouble(value);
        case "--out" -> out = Path.of(value);
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
  }

  private void run(PrintStream to) throws IOException {
    Workload workload = new Workload(prompt, generated, points);
    DeviceLimits limits =
        limitsSeconds > 0 ? BenchModel.limits(device, limitsSeconds, to) : BenchModel.UNLIMITED;
    to.println(heading(workload));
    Result first = measure(workload, model, limits, to);
    StringBuilder lines = new StringBuilder(first.line());
    if (beside != null) {
      Result second = measure(workload, beside, limits, to);
      lines.append(second.line());
      double ratio = first.measured.tokensPerSecond() / second.measured.tokensPerSecond();
      double predicted = first.predicted.tokensPerSecond() / second.predicted.tokensPerSecond();
      to.println(
          String.format(
              Locale.ROOT,
              "%s generates %.2f times as many tokens a second as %s, predicted %.2f",
              first.name,
              ratio,
              second.name,
              predicted));
      lines.append(String.format(Locale.ROOT, "workload ratio\t%.6g\t%.6g%n", ratio, predicted));
    }
    if (out != null) {
      Files.writeString(out, lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
  }

  private record Result(String name, Run measured, Run predicted) {
    String line() {
      return String.format(
          Locale.ROOT,
          "workload %s\t%.6g\t%.6g%n",
          name,
          measured.tokensPerSecond(),
          predicted.tokensPerSecond());
    }
  }

  private Result measure(Workload workload, Path path, DeviceLimits limits, PrintStream to) {
    BenchModel measured = new BenchModel(path, device, weights, activations, stepTokens);
    int longest = workload.longest() + 2 * steps + 16; // what measuring steps adds
    int sequences = batch > 0 ? batch : measured.mostSequences(longest);
    LoadOptions options = measured.options(sequences, longest);
    List<Double> stepSeconds = new ArrayList<>();
    double promptSeconds;
    try (SambayModel loaded = measured.load(options)) {
      ModelTimes times = new ModelTimes(loaded);
      promptSeconds = ModelTimes.median(times.prefill(workload.prompt(), runs));
      for (int context : workload.contexts()) {
        stepSeconds.add(ModelTimes.median(times.decode(sequences, context, steps)));
      }
    }
    Result result =
        new Result(
            String.valueOf(path.getFileName()),
            new Run(workload, sequences, promptSeconds, stepSeconds),
            workload.predicted(measured.work(options), sequences, options.stepTokens(), limits));
    to.println(row(result));
    to.flush();
    return result;
  }

  private static String heading(Workload workload) {
    StringBuilder line =
        new StringBuilder("%-20s | %9s | %12s".formatted("", "sequences", "a prompt"));
    workload.contexts().forEach(at -> line.append(" | %12s".formatted("step at " + at)));
    return line.append(
            " | %10s | %10s | %10s | %8s"
                .formatted("whole run", "tokens/s", "predicted", "% of it"))
        .toString();
  }

  private static String row(Result result) {
    StringBuilder line =
        new StringBuilder(
            String.format(
                Locale.ROOT,
                "%-20s | %9d | %9.3f ms",
                result.name,
                result.measured.sequences(),
                1e3 * result.measured.promptSeconds()));
    for (double seconds : result.measured.stepSeconds()) {
      line.append(String.format(Locale.ROOT, " | %9.3f ms", 1e3 * seconds));
    }
    double measured = result.measured.tokensPerSecond();
    double predicted = result.predicted.tokensPerSecond();
    return line.append(
            String.format(
                Locale.ROOT,
                " | %8.1f s | %10.1f | %10.1f | %8.1f",
                result.measured.seconds(),
                measured,
                predicted,
                100 * measured / predicted))
        .toString();
  }
}
