package io.sambay4j.bench.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.DType;
import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.bench.model.Workload.Run;
import io.sambay4j.model.LoadOptions;
import io.sambay4j.model.ModelConfig;
import io.sambay4j.model.ModelWork;
import io.sambay4j.model.StatePool;
import io.sambay4j.weights.StorageType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class WorkloadTest {
  private static final Path ROOT = Path.of(System.getProperty("sambay.root", ".."));

  @TempDir Path dir;

  @Test
  void lengthsAreEvenlySpaced() {
    assertEquals(
        List.of(2048, 10240, 18432, 26624, 34816), new Workload(2048, 32768, 5).contexts());
    assertEquals(List.of(10, 13, 15), new Workload(10, 5, 3).contexts());
    assertEquals(34816, new Workload(2048, 32768, 5).longest());
    assertThrows(IllegalArgumentException.class, () -> new Workload(0, 10, 2));
    assertThrows(IllegalArgumentException.class, () -> new Workload(1, 10, 1));
    assertThrows(IllegalArgumentException.class, () -> new Workload(1, 3, 5));
  }

  @Test
  void aRunIsItsPromptsAndTheAreaUnderItsSteps() {
    Workload workload = new Workload(2, 8, 5);
    // 1 + c / 2 seconds at length c: from 2 to 10 an area of 8 + (100 - 4) / 4.
    Run straight = new Run(workload, 3, 2.5, List.of(2.0, 3.0, 4.0, 5.0, 6.0));
    assertEquals(3 * 2.5 + 32, straight.seconds(), 1e-12);
    assertEquals(3 * 8 / 39.5, straight.tokensPerSecond(), 1e-12);
    Run bent = new Run(workload, 1, 0, List.of(0.0, 1.0, 0.0, 0.0, 3.0));
    assertEquals(2 * (0.5 + 0.5 + 0 + 1.5), bent.seconds(), 1e-12);
    assertThrows(IllegalArgumentException.class, () -> new Run(workload, 1, 0, List.of(1.0, 2.0)));
  }

  /**
   * Tokens a second of 2,000 read and 32,000 generated in bf16 on a card of 3.0 TB/s and 800
   * TFLOP/s, reckoned apart from this code.
   */
  @ParameterizedTest
  @CsvSource({
    "phi-4-mini-flash-reasoning, 1, 354",
    "phi-4-mini-flash-reasoning, 8, 1735",
    "phi-4-mini-flash-reasoning, 128, 3633",
    "phi-4-mini-flash-reasoning, 324, 3800",
    "phi-4-mini-instruct, 1, 299",
    "phi-4-mini-instruct, 8, 904",
    "phi-4-mini-instruct, 14, 1031"
  })
  void whatBytesAndProductsAllow(String shape, int sequences, double expected) {
    Path settings = ROOT.resolve("java/engine/src/test/resources").resolve(shape);
    ModelConfig config = ModelConfig.read(settings.resolve("config.json"));
    Workload workload = new Workload(2000, 32000, 5);
    int step = 2048;
    LoadOptions options =
        new LoadOptions(
            null,
            DType.BF16,
            workload.longest(),
            sequences,
            step,
            StatePool.cacheTokens(sequences, workload.longest(), 0));
    ModelWork work = new ModelWork(config, options, name -> StorageType.BF16);
    DeviceLimits limits = new DeviceLimits(3.0e12, 60e12, 800e12, 0, 3.7e12);
    double predicted = workload.predicted(work, sequences, step, limits).tokensPerSecond();
    assertEquals(expected, predicted, 0.03 * expected);
  }

  /** The program on two tiny models, on the CPU. */
  @Test
  void twoModelsSideBySide() throws IOException {
    Path out = dir.resolve("workload.tsv");
    String goldens = ROOT.resolve("native/tests/goldens").toString();
    WorkloadMain.main(
        new String[] {
          "--model",
          goldens + "/flash-tiny-bf16",
          "--beside",
          goldens + "/phi4mini-tiny",
          "--device",
          "reference",
          "--activations",
          "f32",
          "--prompt",
          "8",
          "--generated",
          "16",
          "--points",
          "3",
          "--batch",
          "2",
          "--steps",
          "2",
          "--runs",
          "1",
          "--limits",
          "0",
          "--out",
          out.toString()
        });
    List<String> lines = Files.readAllLines(out);
    assertEquals(3, lines.size(), lines.toString());
    double[] measured = new double[3];
    for (int i = 0; i < 3; i++) {
      String[] columns = lines.get(i).split("\t");
      measured[i] = Double.parseDouble(columns[1]);
      assertTrue(measured[i] > 0, lines.get(i));
    }
    assertTrue(lines.get(0).startsWith("workload flash-tiny-bf16\t"), lines.get(0));
    assertTrue(lines.get(1).startsWith("workload phi4mini-tiny\t"), lines.get(1));
    assertTrue(lines.get(2).startsWith("workload ratio\t"), lines.get(2));
    assertEquals(measured[0] / measured[1], measured[2], 1e-4 * measured[2]);
  }
}
