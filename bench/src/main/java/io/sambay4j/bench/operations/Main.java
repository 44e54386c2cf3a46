package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backends;
import io.sambay4j.backend.NativeBackend;
import io.sambay4j.bench.operations.Report.Device;
import io.sambay4j.bench.operations.Report.Measurement;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;
import org.openjdk.jmh.util.Statistics;

/**
 * Runs benchmarks with the arguments of JMH's own command line, measures the device's limits before
 * and after, and prints one table of times beside their floors. {@code --json} writes it to {@code
 * bench/results} as well, or with {@code --json=FILE} to a file of that name.
 */
public final class Main {
  private static final double MEASURE_SECONDS = 4;
  private static final String PACKAGE = Main.class.getPackageName() + ".";

  private Main() {}

  /** Parameters that say where, and not what, is measured. */
  static final Set<String> OF_THE_DEVICE = Set.of("device", "target", "threads");

  /** How benchmarks name a device. */
  private record DeviceKey(String target, String threads) {}

  public static void main(String[] args) throws Exception {
    List<String> forJmh = new ArrayList<>();
    boolean json = false;
    Path jsonFile = null;
    for (String arg : args) {
      if (arg.equals("--json")) {
        json = true;
      } else if (arg.startsWith("--json=")) {
        json = true;
        jsonFile = Path.of(arg.substring("--json=".length()));
      } else {
        forJmh.add(arg);
      }
    }
    CommandLineOptions commandLine;
    try {
      commandLine = new CommandLineOptions(forJmh.toArray(String[]::new));
    } catch (CommandLineOptionException e) {
      System.err.println("bench: " + e.getMessage());
      System.exit(2);
      return;
    }
    if (commandLine.shouldHelp()) {
      commandLine.showHelp();
      return;
    }
    Runner runner = new Runner(commandLine);
    if (commandLine.shouldList()) {
      runner.list();
      return;
    }
    Report report;
    try {
      report = run(commandLine, MEASURE_SECONDS, System.err);
    } catch (UnsupportedOperationException e) {
      System.err.println("bench: " + e.getMessage());
      System.exit(1);
      return;
    }
    System.out.print(report.table());
    if (json) {
      Path file = jsonFile == null ? defaultFile(report) : jsonFile;
      report.writeJson(file);
      System.err.println("bench: wrote " + file);
    }
  }

  /**
   * The benchmarks these options name, JMH's log going to {@code log}.
   *
   * @param seconds for each measuring of limits
   */
  static Report run(Options options, double seconds, PrintStream log) throws RunnerException {
    List<Measurement> measurements = new ArrayList<>();
    List<Device> cards = new ArrayList<>();
    boolean cpu = false;
    for (String device : values(options, "device", "cpu")) {
      if (device.equals("cpu")) {
        cpu = true;
      } else {
        cards.add(runOnCard(device, options, seconds, log, measurements));
      }
    }
    if (!cpu) {
      return report(cards, measurements);
    }
    Map<DeviceKey, Device> devices = new LinkedHashMap<>();
    for (String target : values(options, "target", "auto")) {
      for (String threads : values(options, "threads", "0")) {
        DeviceKey key = new DeviceKey(target, threads);
        devices.put(key, measure(key, seconds));
      }
    }
    Options own =
        new OptionsBuilder()
            .parent(options)
            .mode(Mode.SampleTime)
            .timeUnit(TimeUnit.MICROSECONDS)
            .shouldFailOnError(true)
            .build();
    VerboseMode verbosity = options.verbosity().orElse(VerboseMode.NORMAL);
    Collection<RunResult> results =
        new Runner(own, OutputFormatFactory.createFormatInstance(log, verbosity)).run();
    // Twice, the better of the two: what else ran on the machine may have ended or begun.
    devices.replaceAll((key, device) -> better(device, measure(key, seconds)));
    for (RunResult result : results) {
      measurements.add(measurement(result, devices));
    }
    cards.addAll(devices.values());
    return report(cards, measurements);
  }

  private static Report report(List<Device> devices, List<Measurement> measurements) {
    return new Report(
        LocalDate.now(ZoneOffset.UTC).toString(),
        processor(),
        Runtime.version().toString(),
        devices,
        measurements);
  }

  /** Adds what a card took, and returns it with its limits. */
  private static Device runOnCard(
      String name,
      Options options,
      double seconds,
      PrintStream log,
      List<Measurement> measurements) {
    Device device;
    try (NativeBackend backend = (NativeBackend) Backends.open(name, null, 0)) {
      device = new Device(backend.description(), backend.measureLimits(seconds));
    }
    for (CardRunner.Timed timed : new CardRunner(name, options, log).run()) {
      Work work = Benchmarks.withParameters(timed.name(), timed.parameters()).workOnCard();
      double[] sorted = timed.seconds();
      double median = sorted[sorted.length / 2];
      double floor = work.floor(device.limits());
      measurements.add(
          new Measurement(
              timed.name().substring(0, timed.name().length() - "Benchmark".length()),
              timed.parameters(),
              device.description(),
              median,
              sorted[0],
              sorted[sorted.length * 9 / 10],
              sorted.length,
              work,
              floor,
              work.bound(device.limits()),
              100 * floor / median,
              100 * work.ofCopy(device.limits(), median),
              100 * work.ofMatrix(device.limits(), median)));
    }
    return device;
  }

  private static Measurement measurement(RunResult result, Map<DeviceKey, Device> devices) {
    BenchmarkParams params = result.getParams();
    String name = params.getBenchmark();
    name = name.substring(PACKAGE.length(), name.lastIndexOf('.'));
    Device device =
        devices.get(new DeviceKey(params.getParam("target"), params.getParam("threads")));
    if (device == null) {
      throw new IllegalStateException("no limits of the device of " + params.id());
    }
    Map<String, String> shape = new TreeMap<>();
    for (String key : params.getParamsKeys()) {
      shape.put(key, params.getParam(key));
    }
    Work work = Benchmarks.withParameters(name, shape).work();
    shape.keySet().removeAll(OF_THE_DEVICE);

    Statistics micros = result.getPrimaryResult().getStatistics();
    double seconds = micros.getPercentile(50) / 1e6;
    double floor = work.floor(device.limits());
    return new Measurement(
        name.substring(0, name.length() - "Benchmark".length()),
        shape,
        device.description(),
        seconds,
        micros.getMin() / 1e6,
        micros.getPercentile(90) / 1e6,
        micros.getN(),
        work,
        floor,
        work.bound(device.limits()),
        100 * floor / seconds,
        100 * work.ofCopy(device.limits(), seconds),
        100 * work.ofMatrix(device.limits(), seconds));
  }

  private static Device measure(DeviceKey key, double seconds) {
    int threads = Integer.parseInt(key.threads());
    try (NativeBackend backend = NativeBackend.open("cpu", key.target(), threads)) {
      return new Device(backend.description(), backend.measureLimits(seconds));
    }
  }

  private static Device better(Device a, Device b) {
    return new Device(a.description(), a.limits().better(b.limits()));
  }

  private static Collection<String> values(Options options, String name, String fallback) {
    return options.getParameter(name).orElse(List.of(fallback));
  }

  private static Path defaultFile(Report report) {
    String machine = report.machine().toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return Path.of("bench", "results", report.date() + "-" + machine + ".json");
  }

  private static String processor() {
    int cores = Runtime.getRuntime().availableProcessors();
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"), StandardCharsets.UTF_8)) {
      return lines
              .filter(line -> line.startsWith("model name"))
              .map(line -> line.substring(line.indexOf(':') + 1).strip())
              .findFirst()
              .orElse(System.getProperty("os.arch"))
          + " x"
          + cores;
    } catch (IOException e) {
      return System.getProperty("os.arch") + " x" + cores; // not Linux
    }
  }
}
