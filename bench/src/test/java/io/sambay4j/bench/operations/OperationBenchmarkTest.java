package io.sambay4j.bench.operations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.backend.NativeLibrary;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.runner.BenchmarkList;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.VerboseMode;

class OperationBenchmarkTest {
  private static final Set<String> OPERATIONS =
      Set.of(
          "Attention",
          "CausalConv1d",
          "DiffAttention",
          "Embedding",
          "Gmu",
          "KvAppend",
          "LayerNorm",
          "Linear",
          "LinearHead",
          "RmsNorm",
          "Rope",
          "Sampler",
          "SelectiveScan",
          "Swiglu");

  @BeforeEach
  void needsTheNativeLibrary() {
    assumeTrue(
        NativeLibrary.isAvailable(),
        () -> String.valueOf(NativeLibrary.unavailabilityCause().orElseThrow().getMessage()));
  }

  @Test
  void jmhKnowsEveryOperation() {
    Set<String> known = new TreeSet<>();
    BenchmarkList.defaultList()
        .getAll(OutputFormatFactory.createFormatInstance(System.out, VerboseMode.SILENT), List.of())
        .forEach(entry -> known.add(entry.getUserClassQName()));
    Set<String> expected = new TreeSet<>();
    OPERATIONS.forEach(
        name -> expected.add(getClass().getPackageName() + "." + name + "Benchmark"));
    assertEquals(expected, known);
  }

  /** Each with the first value of every parameter, one copy of the operands and few rows. */
  @Test
  void everyOperationRuns() throws Exception {
    for (String operation : OPERATIONS) {
      OperationBenchmark benchmark = withFirstParameters(operation + "Benchmark");
      benchmark.copiesBytes = 1;
      benchmark.open();
      try {
        benchmark.run();
        benchmark.run(); // the turns begin again
      } finally {
        benchmark.close();
      }
      Work work = benchmark.work();
      assertTrue(work.bytes() > 0, operation);
      assertTrue(work.floor(new DeviceLimits(1e9, 1e9, 0, 0, 1e9)) > 0, operation);
    }
  }

  @Test
  void aRunGivesATableAndJson(@TempDir Path dir) throws Exception {
    CommandLineOptions options =
        new CommandLineOptions(
            "operations.RmsNormBenchmark",
            "-f",
            "0",
            "-wi",
            "0",
            "-i",
            "1",
            "-r",
            "20ms",
            "-p",
            "rows=2",
            "-p",
            "activations=F32",
            "-p",
            "threads=1");
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    Report report = Main.run(options, 0.01, new PrintStream(log, true, StandardCharsets.UTF_8));

    assertEquals(1, report.measurements().size());
    Report.Measurement measurement = report.measurements().get(0);
    assertEquals("RmsNorm", measurement.operation());
    assertEquals(Map.of("rows", "2", "activations", "F32"), measurement.parameters());
    assertEquals(2 * 2 * 3072 * 4, measurement.work().bytes());
    assertTrue(measurement.bestSeconds() > 0);
    assertTrue(measurement.seconds() >= measurement.bestSeconds());
    assertTrue(measurement.seconds90() >= measurement.seconds());
    assertEquals(
        100 * measurement.floorSeconds() / measurement.seconds(), measurement.percentOfLimit());
    assertTrue(measurement.device().endsWith("1 thread"), measurement.device());
    assertTrue(report.table().contains("RmsNorm   | activations=F32 rows=2 |"), report.table());
    assertFalse(log.toString(StandardCharsets.UTF_8).isEmpty());

    Path file = dir.resolve("results/run.json");
    report.writeJson(file);
    JsonNode json = new ObjectMapper().readTree(file.toFile());
    assertEquals(
        measurement.seconds(), json.path("measurements").path(0).path("seconds").asDouble());
    assertTrue(json.path("devices").path(0).path("limits").path("readBytes").asDouble() > 0);
  }

  @Test
  void theFloorIsTheLongerOfMemoryAndArithmetic() {
    DeviceLimits limits = new DeviceLimits(10, 100, 0, 0, 5);
    Work work = new Work(40, 100, 200, 5);
    assertEquals(4, work.floor(limits)); // 40 / 10; 100 / 100 + 200 / 100 + 5 / 5 overlap with it
    assertEquals("memory", work.bound(limits));
    DeviceLimits slower = new DeviceLimits(20, 100, 50, 10, 5);
    assertEquals(6, work.floor(slower)); // 100 / 100 + 200 / 50 + 5 / 5
    assertEquals("arithmetic", work.bound(slower));
    assertEquals(9, new Work(40, 100, 200, 30, 5).floor(slower)); // and 30 / 10
  }

  private static OperationBenchmark withFirstParameters(String name) throws Exception {
    Class<?> type = Class.forName(OperationBenchmark.class.getPackageName() + "." + name);
    Map<String, String> parameters = new HashMap<>();
    for (Field field : type.getFields()) {
      Param param = field.getAnnotation(Param.class);
      if (param != null && !field.getType().isEnum()) {
        parameters.put(field.getName(), param.value()[0]);
      }
    }
    parameters.computeIfPresent("vocabulary", (key, all) -> "1000");
    return Benchmarks.withParameters(name, parameters);
  }
}
