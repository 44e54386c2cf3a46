package io.sambay4j.bench.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.backend.DeviceMemory;
import io.sambay4j.backend.NativeBackend;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.MemoryEstimate;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelLoader;
import io.sambay4j.model.ModelWork;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.StatePool;
import io.sambay4j.model.WeightFormat;
import io.sambay4j.weights.Checkpoint;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * 0. {@code --out} appends lines of {@code key TAB seconds TAB floor} to a file.
 */
public final class Main {
  private static final int CACHE_ROUNDING = 64; // a sequence ends within a block

  private static final DeviceLimits UNKNOWN =
      new DeviceLimits(
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY);

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
        case "--dtype" -> weights = dtype(value);
        case "--activations" -> activations = dtype(value);
        case "--decode" -> {
          for (String step : value.split(",", -1)) {
            String[] numbers = step.split("x", -1);
            if (numbers.length != 2) {
              throw new IllegalArgumentException("--decode takes BATCHxCONTEXT, not " + step);
            }
            decode.add(new int[] {number(numbers[0]), number(numbers[1])});
          }
        }
        case "--prefill" -> prefill.addAll(numbers(value));
        case "--full-batch" -> fullBatch.addAll(numbers(value));
        case "--steps" -> steps = number(value);
        case "--runs" -> runs = number(value);
        case "--step-tokens" -> stepTokens = number(value);
        case "--limits" -> limitsSeconds = Double.parseDouble(value);
        case "--out" -> out = Path.of(value);
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
  }

  private static DType dtype(String name) {
    return DType.valueOf(name.toUpperCase(Locale.ROOT));
  }

  private static List<Integer> numbers(String list) {
    List<Integer> numbers = new ArrayList<>();
    for (String number : list.split(",", -1)) {
      numbers.add(number(number));
    }
    return numbers;
  }

  private static int number(String text) {
    int number = Integer.parseInt(text);
    if (number < 1) {
      throw new IllegalArgumentException("numbers are 1 or more, not " + text);
    }
    return number;
  }

  private void run(PrintStream to) throws IOException {
    ModelConfig config = ModelConfig.read(model.resolve(ModelConfig.FILE));
    DeviceLimits limits = UNKNOWN;
    if (limitsSeconds > 0) {
      limits = limits(to);
    }
    print(to, "%-34s | %12s | %12s | %10s | %12s", "", "time", "floor", "% of floor", "tokens/s");
    for (int[] step : decode) {
      decode(to, config, limits, step[0], List.of(step[1]));
    }
    if (!fullBatch.isEmpty()) {
      int longest = fullBatch.stream().mapToInt(n -> n).max().orElseThrow();
      decode(to, config, limits, mostSequences(longest), fullBatch);
    }
    for (int tokens : prefill) {
      prefill(to, config, limits, tokens);
    }
    if (out != null) {
      Files.writeString(
          out,
          lines,
          java.nio.file.StandardOpenOption.CREATE,
          java.nio.file.StandardOpenOption.APPEND);
    }
  }

  private DeviceLimits limits(PrintStream to) {
    try (Backend backend = Backends.open(device, null, 0)) {
      if (!(backend instanceof NativeBackend measured)) {
        throw new UnsupportedOperationException("limits are measured on native devices only");
      }
      DeviceLimits limits = measured.measureLimits(limitsSeconds);
      print(
          to,
          "%s: reads %.1f GB/s, bf16 %.1f TFLOP/s, f32 %.2f TFLOP/s, int8 %.2f TOP/s",
          measured.description(),
          limits.readBytes() / 1e9,
          limits.bf16Flops() / 1e12,
          limits.f32Flops() / 1e12,
          limits.int8Ops() / 1e12);
      return limits;
    }
  }

  private void decode(
      PrintStream to, ModelConfig config, DeviceLimits limits, int batch, List<Integer> contexts) {
    int longest = contexts.stream().mapToInt(n -> n).max().orElseThrow();
    LoadOptions options = options(batch, longest + 2 * steps + 16);
    ModelWork work = work(config, options);
    try (SambayModel loaded = load(config, options, work.memory())) {
      ModelTimes times = new ModelTimes(loaded);
      for (int context : contexts) {
        double seconds = ModelTimes.median(times.decode(batch, context, steps));
        double floor = work.decode(batch, context).floor(limits);
        row(to, "decode b%d c%d".formatted(batch, context), seconds, floor, batch / seconds);
      }
    }
  }

  private void prefill(PrintStream to, ModelConfig config, DeviceLimits limits, int tokens) {
    LoadOptions options = options(1, tokens);
    ModelWork work = work(config, options);
    try (SambayModel loaded = load(config, options, work.memory())) {
      double seconds = ModelTimes.median(new ModelTimes(loaded).prefill(tokens, runs));
      double floor = work.prompt(1, 0, tokens, options.stepTokens()).floor(limits);
      row(to, "prefill %d".formatted(tokens), seconds, floor, tokens / seconds);
    }
  }

  private LoadOptions options(int sequences, int context) {
    return new LoadOptions(
        weights == null ? null : WeightFormat.of(weights),
        activations,
        context,
        sequences,
        Math.max(sequences, stepTokens),
        StatePool.cacheTokens(sequences, context, 0));
  }

  private ModelWork work(ModelConfig config, LoadOptions options) {
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      return ModelWork.of(config, options, checkpoint);
    }
  }

  /** As many as the device's free memory takes beside weights, workspace and a spare twentieth. */
  private int mostSequences(int context) {
    ModelConfig config = ModelConfig.read(model.resolve(ModelConfig.FILE));
    MemoryEstimate memory = work(config, options(1, context + CACHE_ROUNDING)).memory();
    try (NativeBackend backend = (NativeBackend) Backends.open(device, null, 0)) {
      DeviceMemory device = backend.memory();
      double room = 0.95 * device.free() - memory.weights() - memory.workspace();
      double each =
          memory.slot()
              + (double) memory.cachePerToken() * (context + CACHE_ROUNDING)
              + 4.0 * config.vocabSize(); // its row of logits
      return (int) Math.max(1, Math.min(512, room / each));
    }
  }

  private SambayModel load(ModelConfig config, LoadOptions options, MemoryEstimate memory) {
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      return ModelLoader.load(
          Backends.open(device, null, 0, memory.total()),
          config,
          checkpoint,
          options,
          (done, total) -> {});
    }
  }

  private void row(PrintStream to, String key, double seconds, double floor, double rate) {
    String name =
        "%s %s%s"
            .formatted(
                key,
                weights == null ? "as stored" : weights.name().toLowerCase(Locale.ROOT),
                activations == DType.F32 ? " f32" : "");
    print(
        to,
        "%-34s | %9.3f ms | %9.3f ms | %10.1f | %12.1f",
        name,
        seconds * 1e3,
        floor * 1e3,
        100 * floor / seconds,
        rate);
    lines.append(String.format(Locale.ROOT, "%s\t%.9g\t%.9g%n", name, seconds, floor));
  }

  private static void print(PrintStream to, String format, Object... values) {
    to.println(String.format(Locale.ROOT, format, values));
    to.flush();
  }
}
