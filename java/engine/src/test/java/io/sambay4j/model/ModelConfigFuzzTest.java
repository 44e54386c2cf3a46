package io.sambay4j.model;

import io.sambay4j.weights.Fuzz;
import io.sambay4j.weights.TestFiles;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Damaged configurations: refused, or consistent enough to list their tensors. */
@Timeout(300)
class ModelConfigFuzzTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "flash-tiny-f32",
        "variant-sambayoco",
        "variant-samba",
        "variant-mamba",
        "phi4mini-tiny"
      })
  void config(String golden, @TempDir Path dir) {
    String json = TestFiles.text(TestFiles.golden(golden).resolve("config.json"));
    Fuzz.run(
        json.getBytes(StandardCharsets.UTF_8),
        3_000,
        32 << 20, // a damaged but valid layer count may mean a thousand layers
        damaged -> {
          ModelConfig config = ModelConfig.parse(new String(damaged, StandardCharsets.UTF_8));
          ModelTensors.of(config).parameters();
        });
  }
}
