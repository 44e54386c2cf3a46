package io.sambay4j.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.model.MemoryEstimate;
import io.sambay4j.model.SambayModel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "bench",
    description =
        "Measures how fast prompts are read (pp) and tokens are generated (tg), one length and batch at a time, "
            + "on random token ids, starting from an empty state or at a depth. Rates are tokens a second of all sequences together, "
            + "mean and standard deviation over the repetitions, after a short one that is not counted.",
    header = "Measures how fast prompts are read and tokens generated.",
    sortOptions = false,
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  sambay bench --model DIR",
      "  sambay bench --model DIR --prompt 128,512,2048 --gen 64 --batch 1,8 --repetitions 5",
      "  sambay bench --model DIR --prompt 0 --gen 128 --threads 4 --csv",
      "  sambay bench --model DIR --dtype int4 --compare-limit",
      "  sambay bench --model DIR --prompt 0 --gen 32 --depth 2048,32768"
    })
final class BenchCommand implements Callable<Integer> {
  private static final int STEP_TOKENS = 512;
  private static final int MAX_REPETITIONS = 10_000;

  private final Console console;

  @Mixin private ModelOptions model = new ModelOptions();
  @Mixin private DeviceOptions device = new DeviceOptions();

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "N,…",
      split = ",",
      order = 10,
      defaultValue = "512",
      description = "Lengths of prompts to read; 0: none. Default: 512.")
  private List<Integer> prompts = List.of();

  @Option(
      names = {"-n", "--gen"},
      paramLabel = "N,…",
      split = ",",
      order = 11,
      defaultValue = "128",
      description = "Numbers of tokens to generate; 0: none. Default: 128.")
  private List<Integer> generated = List.of();

  @Option(
      names = {"-b", "--batch"},
      paramLabel = "N,…",
      split = ",",
      order = 12,
      defaultValue = "1",
      description = "Sequences at once. Default: 1.")
  private List<Integer> batches = List.of();

  @Option(
      names = {"-d", "--depth"},
      paramLabel = "N,…",
      split = ",",
      order = 13,
      defaultValue = "0",
      description =
          "Tokens that each sequence has behind it when the clock starts. They are declared, not read: states and "
              + "caches hold zeros, which takes as long. Default: 0.")
  private List<Integer> depths = List.of();

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      order = 14,
      defaultValue = "3",
      description = "Counted runs of each. Default: 3.")
  private int repetitions;

  @Option(
      names = "--seed",
      paramLabel = "N",
      order = 15,
      defaultValue = "1",
      description = "Seed of the token ids. Default: 1.")
  private long seed;

  @Option(
      names = "--compare-limit",
      order = 16,
      description =
          "Measure around each test how fast the device reads memory and multiplies, with the same threads, and say "
              + "what share of that the test reached: the least time that its bytes and its arithmetic take at these "
              + "rates, over the time it took. Takes 1 GiB more memory.")
  private boolean compareLimit;

  @ArgGroup private Format format = new Format();

  /** At most one of the two. */
  static final class Format {
    @Option(names = "--json", order = 41, description = "One JSON object instead of a table.")
    private boolean json;

    @Option(names = "--csv", order = 42, description = "Comma-separated values instead of a table.")
    private boolean csv;
  }

  BenchCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    check("--prompt", prompts, 0, 1 << 24);
    check("--gen", generated, 0, 1 << 24);
    check("--depth", depths, 0, 1 << 24);
    check("--batch", batches, 1, STEP_TOKENS);
    check("--repetitions", List.of(repetitions), 1, MAX_REPETITIONS);
    int longest = Math.max(max(prompts), max(generated));
    if (longest == 0) {
      throw new IllegalArgumentException("--prompt and --gen are both 0, so nothing is measured");
    }
    ModelFiles files = ModelFiles.read(model.path());
    long before = System.nanoTime();
    try (ModelOptions.OpenedModel loaded =
        model.openModel(
            console,
            device,
            files,
            max(batches),
            max(depths) + longest,
            STEP_TOKENS,
            ModelOptions.WeightType.AUTO)) {
      double loadSeconds = (System.nanoTime() - before) / 1e9;
      SambayModel opened = loaded.model();
      Benchmark benchmark = new Benchmark(opened, repetitions, seed);
      LimitComparison comparison =
          compareLimit ? new LimitComparison(opened.backend(), loaded.work()) : null;
      List<Test> tests = new ArrayList<>();
      if (!format.json && !format.csv) {
        console.out().println("model   " + files.source().path());
        console.out().println("device  " + opened.backend().description());
        console.out().println("load    " + Units.seconds(loadSeconds));
      }
      for (int batch : batches) {
        for (int depth : depths) {
          prompts.stream()
              .filter(n -> n > 0)
              .map(n -> Test.of(() -> benchmark.prompt(depth, n, batch), comparison))
              .forEach(tests::add);
          generated.stream()
              .filter(n -> n > 0)
              .map(n -> Test.of(() -> benchmark.generation(depth, n, batch), comparison))
              .forEach(tests::add);
        }
      }
      ResidentMemory memory = ResidentMemory.read();
      if (format.json) {
        console.out().println(Json.line(toJson(files, loaded, loadSeconds, memory, tests)));
      } else if (format.csv) {
        printCsv(opened, loadSeconds, memory, tests);
      } else {
        printTable(memory, tests);
      }
    }
    return Cli.OK;
  }

  /** A result, and its limit if that was asked for. */
  private record Test(Benchmark.Result result, LimitComparison.@Nullable Compared compared) {
    static Test of(Supplier<Benchmark.Result> test, @Nullable LimitComparison comparison) {
      if (comparison == null) {
        return new Test(test.get(), null);
      }
      LimitComparison.Compared compared = comparison.compare(test);
      return new Test(compared.result(), compared);
    }
  }

  private static void check(String option, List<Integer> values, int min, int max) {
    for (int value : values) {
      if (value < min || value > max) {
        throw new IllegalArgumentException(
            "%s must be %d to %d but was %d".formatted(option, min, max, value));
      }
    }
  }

  private static int max(List<Integer> values) {
    return values.stream().mapToInt(n -> n).max().orElseThrow();
  }

  private void printTable(ResidentMemory memory, List<Test> tests) {
    console
        .out()
        .println(
            "memory  %s resident, %s at most"
                .formatted(Units.bytes(memory.now()), Units.bytes(memory.peak())));
    console.out().println();
    List<String> columns =
        new ArrayList<>(List.of("test", ">batch", ">tokens/s", ">±", ">ms a step"));
    if (compareLimit) {
      columns.addAll(List.of(">of the limit", ">reads", ">products", ">int8 products"));
    }
    Table table = new Table(columns.toArray(String[]::new));
    for (Test test : tests) {
      Benchmark.Result result = test.result();
      List<Object> row = new ArrayList<>();
      row.add(result.name());
      row.add(result.batch());
      row.add(Units.rate(result.mean()));
      row.add(Units.rate(result.deviation()));
      row.add(Units.format("%.2f", 1000 / result.mean() * result.tokensPerStep()));
      if (test.compared() != null) {
        DeviceLimits limits = test.compared().limits();
        double products = limits.bf16Flops() > 0 ? limits.bf16Flops() : limits.f32Flops();
        row.add(Units.format("%.1f %%", 100 * test.compared().share()));
        row.add(Units.format("%.1f GB/s", limits.readBytes() / 1e9));
        row.add(Units.format("%.2f TFLOP/s", products / 1e12));
        row.add(
            limits.int8Ops() > 0 ? Units.format("%.2f TOP/s", limits.int8Ops() / 1e12) : "none");
      }
      table.row(row.toArray());
    }
    table.print(console.out());
  }

  private void printCsv(
      SambayModel opened, double loadSeconds, ResidentMemory memory, List<Test> tests) {
    console
        .out()
        .println(
            "test,depth,tokens,batch,repetitions,tokens_per_second,deviation,load_seconds,resident_bytes,peak_bytes,device"
                + (compareLimit ? ",limit_share" : ""));
    for (Test test : tests) {
      Benchmark.Result result = test.result();
      console
          .out()
          .println(
              Units.format(
                  "%s,%d,%d,%d,%d,%.4f,%.4f,%.3f,%d,%d,\"%s\"%s",
                  result.kind(),
                  result.depth(),
                  result.tokens(),
                  result.batch(),
                  repetitions,
                  result.mean(),
                  result.deviation(),
                  loadSeconds,
                  memory.now(),
                  memory.peak(),
                  opened.backend().description().replace("\"", "\"\""),
                  test.compared() == null ? "" : Units.format(",%.4f", test.compared().share())));
    }
  }

  private ObjectNode toJson(
      ModelFiles files,
      ModelOptions.OpenedModel loaded,
      double loadSeconds,
      ResidentMemory memory,
      List<Test> tests) {
    MemoryEstimate model = loaded.work().memory();
    ObjectNode root =
        Json.object()
            .put("model", files.source().path().toString())
            .put("device", loaded.model().backend().description())
            .put("load_seconds", loadSeconds)
            .put("resident_bytes", memory.now())
            .put("peak_bytes", memory.peak())
            .put("model_bytes", model.total() - model.workspace())
            .put("repetitions", repetitions);
    ArrayNode array = root.putArray("tests");
    for (Test test : tests) {
      Benchmark.Result result = test.result();
      ObjectNode node =
          array
              .addObject()
              .put("test", result.kind())
              .put("depth", result.depth())
              .put("tokens", result.tokens())
              .put("batch", result.batch())
              .put("tokens_per_second", result.mean())
              .put("deviation", result.deviation());
      if (test.compared() != null) {
        DeviceLimits limits = test.compared().limits();
        node.put("limit_share", test.compared().share())
            .putObject("limits")
            .put("read_bytes_per_second", limits.readBytes())
            .put("f32_flops", limits.f32Flops())
            .put("bf16_flops", limits.bf16Flops())
            .put("int8_ops", limits.int8Ops());
      }
      ArrayNode runs = node.putArray("runs");
      result.rates().forEach(runs::add);
    }
    return root;
  }
}
