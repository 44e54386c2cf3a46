package io.sambay4j.bench.model;

import io.sambay4j.backend.DType;
import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.ModelWork;
import io.sambay4j.model.ModelWork.Step;
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
 * Decode steps and prompts of a whole model beside their floors, from limits measured in the same
 * run.
 *
 * <pre>
 * Main --model DIR [--device NAME] [--dtype TYPE] [--activations TYPE] [--decode BATCHxCONTEXT,...]
 *      [--prefill TOKENS,...] [--full-batch CONTEXT,...] [--steps N] [--runs N] [--step-tokens N] [--limits SECONDS]
 *      [--out FILE]
 * </pre>
 *
 * {@code --full-batch} measures decode steps of as many sequences as the device's memory holds at
 * the longest of these contexts. Sequences are given their length without having been read: what
 * they keep is zero, which takes as long. {@code --limits 0} measures no limits, so every floor is
 * 0. {@code --out} appends lines of {@code key TAB seconds TAB floor TAB share of the copy
 * bandwidth TAB share of the bf16 matrix rate} to a file.
 */
public final class Main {
  private Path model = Path.of("models/tiny-reasoner");
  private String device = "auto";
  private @Nullable DType weights;
  private DType activations = DType.F32;
  private final List<int[]> decode = new ArrayList<>();
  private final List<Integer> prefill = new ArrayList<>();
  private final List<Integer> fullBatch = new ArrayList<>();
  private int steps = 20;
  private int runs = 3;
  private int stepTokens = 2048;
  private double limitsSeconds = 3;
  private @Nullable Path out;

  private final StringBuilder lines = new StringBuilder();

  private Main() {}

  public static void main(String[] args) throws IOException {
    try {
      Main main = new Main();
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
        case "--device" -> device = value;
        case "--dtype" -> weights = BenchModel.dtype(value);
        case "--activations" -> activations = BenchModel.dtype(value);
        case "--decode" -> {
          for (String step : value.split(",", -1)) {
            String[] numbers = step.split("x", -1);
            if (numbers.length != 2) {
              throw new IllegalArgumentException("--decode takes BATCHxCONTEXT, not " + step);
            }
            decode.add(new int[] {BenchModel.number(numbers[0]), BenchModel.number(numbers[1])});
          }
        }
        case "--prefill" -> prefill.addAll(numbers(value));
        case "--full-batch" -> fullBatch.addAll(numbers(value));
        case "--steps" -> steps = BenchModel.number(value);
        case "--runs" -> runs = BenchModel.number(value);
        case "--step-tokens" -> stepTokens = BenchModel.number(value);
        case "--limits" -> limitsSeconds = Double.parseDouble(value);
        case "--out" -> out = Path.of(value);
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
  }

  private static List<Integer> numbers(String list) {
    List<Integer> numbers = new ArrayList<>();
    for (String number : list.split(",", -1)) {
      numbers.add(BenchModel.number(number));
    }
    return numbers;
  }

  private void run(PrintStream to) throws IOException {
    BenchModel measured = new BenchModel(model, device, weights, activations, stepTokens);
    DeviceLimits limits =
        limitsSeconds > 0 ? BenchModel.limits(device, limitsSeconds, to) : BenchModel.UNLIMITED;
    print(
        to,
        "%-34s | %12s | %12s | %10s | %9s | %11s | %12s",
        "",
        "time",
        "floor",
        "% of floor",
        "% of copy",
        "% of matrix",
        "tokens/s");
    for (int[] step : decode) {
      decode(to, measured, limits, step[0], List.of(step[1]));
    }
    if (!fullBatch.isEmpty()) {
      int longest = fullBatch.stream().mapToInt(n -> n).max().orElseThrow();
      decode(to, measured, limits, measured.mostSequences(longest), fullBatch);
    }
    for (int tokens : prefill) {
      prefill(to, measured, limits, tokens);
    }
    if (out != null) {
      Files.writeString(out, lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
  }

  private void decode(
      PrintStream to, BenchModel measured, DeviceLimits limits, int batch, List<Integer> contexts) {
    int longest = contexts.stream().mapToInt(n -> n).max().orElseThrow();
    LoadOptions options = measured.options(batch, longest + 2 * steps + 16);
    ModelWork work = measured.work(options);
    try (SambayModel loaded = measured.load(options)) {
      ModelTimes times = new ModelTimes(loaded);
      for (int context : contexts) {
        double seconds = ModelTimes.median(times.decode(batch, context, steps));
        String key = "decode b%d c%d".formatted(batch, context);
        row(to, key, seconds, work.decode(batch, context), limits, batch / seconds);
      }
    }
  }

  private void prefill(PrintStream to, BenchModel measured, DeviceLimits limits, int tokens) {
    LoadOptions options = measured.options(1, tokens);
    ModelWork work = measured.work(options);
    try (SambayModel loaded = measured.load(options)) {
      double seconds = ModelTimes.median(new ModelTimes(loaded).prefill(tokens, runs));
      Step step = work.prompt(1, 0, tokens, options.stepTokens());
      row(to, "prefill %d".formatted(tokens), seconds, step, limits, tokens / seconds);
    }
  }

  private void row(
      PrintStream to, String key, double seconds, Step work, DeviceLimits limits, double rate) {
    String name =
        "%s %s%s"
            .formatted(
                key,
                weights == null ? "as stored" : weights.name().toLowerCase(Locale.ROOT),
                activations == DType.F32 ? " f32" : "");
    double floor = work.floor(limits);
    double copy = share(work.bytes(), limits.copyBytes(), seconds);
    double matrix = share(work.quantizedFlops() + work.otherFlops(), limits.bf16Flops(), seconds);
    print(
        to,
        "%-34s | %9.3f ms | %9.3f ms | %10.1f | %9.1f | %11.1f | %12.1f",
        name,
        seconds * 1e3,
        floor * 1e3,
        100 * floor / seconds,
        100 * copy,
        100 * matrix,
        rate);
    lines.append(
        String.format(
            Locale.ROOT, "%s\t%.9g\t%.9g\t%.6g\t%.6g%n", name, seconds, floor, copy, matrix));
  }

  /** What the work would take at that rate, as a part of what it took; 0 if the rate is unknown. */
  private static double share(double work, double rate, double seconds) {
    return rate > 0 ? work / rate / seconds : 0;
  }

  private static void print(PrintStream to, String format, Object... values) {
    to.println(String.format(Locale.ROOT, format, values));
    to.flush();
  }
}
