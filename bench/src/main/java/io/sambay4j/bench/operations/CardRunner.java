package io.sambay4j.bench.operations;

import io.sambay4j.backend.Backends;
import io.sambay4j.backend.Graph;
import io.sambay4j.backend.NativeBackend;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.runner.options.Options;

/**
 * The benchmarks on a card. A call returns before the card has done it, so the clock is the card's
 * own: rounds of one graph with many calls are timed by its events, and the calls of a round take
 * turns on their operands as on the CPU. JMH's options say what is measured, not how.
 */
final class CardRunner {
  private static final List<Class<? extends OperationBenchmark>> ALL =
      List.of(
          AttentionBenchmark.class,
          CausalConv1dBenchmark.class,
          DiffAttentionBenchmark.class,
          EmbeddingBenchmark.class,
          GmuBenchmark.class,
          KvAppendBenchmark.class,
          LayerNormBenchmark.class,
          LinearBenchmark.class,
          LinearHeadBenchmark.class,
          RmsNormBenchmark.class,
          RopeBenchmark.class,
          SelectiveScanBenchmark.class,
          SwigluBenchmark.class);
  private static final int ROUNDS = 20;
  private static final int CALLS = 32; // of a graph

  private final String device;
  private final Options options;
  private final PrintStream log;

  CardRunner(String device, Options options, PrintStream log) {
    this.device = device;
    this.options = options;
    this.log = log;
  }

  /**
   * One benchmark with one set of parameters.
   *
   * @param seconds of a call, one for each round
   */
  @SuppressWarnings("ArrayRecordComponent")
  record Timed(String name, Map<String, String> parameters, double[] seconds) {}

  List<Timed> run() {
    List<Timed> all = new ArrayList<>();
    for (Class<? extends OperationBenchmark> type : ALL) {
      if (isWanted(type)) {
        for (Map<String, String> parameters : combinations(type)) {
          log.printf("%s %s%n", type.getSimpleName(), parameters);
          all.add(new Timed(type.getSimpleName(), parameters, time(type, parameters)));
        }
      }
    }
    return all;
  }

  private double[] time(Class<? extends OperationBenchmark> type, Map<String, String> parameters) {
    OperationBenchmark benchmark = Benchmarks.withParameters(type.getSimpleName(), parameters);
    try (NativeBackend backend = (NativeBackend) Backends.open(device, null, 0)) {
      Runnable operation = benchmark.prepare(backend);
      Runnable round =
          () -> {
            for (int i = 0; i < CALLS; i++) {
              operation.run();
            }
          };
      round.run();
      double[] seconds = new double[ROUNDS];
      try (Graph graph = backend.record(round)) {
        graph.launch(); // the first brings the graph onto the card
        for (int i = 0; i < ROUNDS; i++) {
          seconds[i] = backend.seconds(graph::launch) / CALLS;
        }
      }
      Arrays.sort(seconds);
      return seconds;
    }
  }

  private boolean isWanted(Class<?> type) {
    List<String> includes = options.getIncludes();
    String name = type.getName() + ".run";
    return (includes.isEmpty()
            || includes.stream().anyMatch(regex -> Pattern.compile(regex).matcher(name).find()))
        && options.getExcludes().stream()
            .noneMatch(regex -> Pattern.compile(regex).matcher(name).find());
  }

  /** Every combination of the values of the parameters, but device, target and threads. */
  private List<Map<String, String>> combinations(Class<?> type) {
    List<Map<String, String>> all = new ArrayList<>();
    all.add(new LinkedHashMap<>());
    for (Field field : type.getFields()) {
      Param param = field.getAnnotation(Param.class);
      if (param == null || Main.OF_THE_DEVICE.contains(field.getName())) {
        continue;
      }
      List<String> values =
          options.getParameter(field.getName()).hasValue()
              ? List.copyOf(options.getParameter(field.getName()).get())
              : defaults(field, param);
      List<Map<String, String>> longer = new ArrayList<>();
      for (Map<String, String> shorter : all) {
        for (String value : values) {
          Map<String, String> parameters = new LinkedHashMap<>(shorter);
          parameters.put(field.getName(), value);
          longer.add(parameters);
        }
      }
      all = longer;
    }
    return all;
  }

  /** As JMH reads them: an enum without values means all its constants. */
  private static List<String> defaults(Field field, Param param) {
    boolean blank = param.value().length == 1 && param.value()[0].equals(Param.BLANK_ARGS);
    if (!blank) {
      return List.of(param.value());
    }
    return Stream.of(field.getType().getEnumConstants())
        .map(constant -> ((Enum<?>) constant).name())
        .toList();
  }
}
