package io.sambay4j.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.DType;
import io.sambay4j.backend.DeviceLimits;
import io.sambay4j.weights.Checkpoint;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class ModelWorkTest {
  static Stream<String> models() {
    return GoldenModel.names();
  }

  @ParameterizedTest
  @MethodSource("models")
  void readsTheSharedCacheOnceForEachLayerThatAttendsToIt(String name) {
    ModelConfig config = config(name);
    ModelWork work = work(name, null);
    long layers = config.count(LayerKind.FULL) + config.count(LayerKind.CROSS);
    double perToken = 2.0 * layers * config.kvWidth() * DType.F32.bytes();
    MemoryEstimate memory = work.memory();
    assertEquals(memory.weights() + memory.slot(), work.decode(1, 0).bytes());
    assertEquals(
        memory.weights() + 3 * (memory.slot() + 40 * perToken), work.decode(3, 40).bytes());
  }

  @ParameterizedTest
  @MethodSource("models")
  void productsOfQuantizedWeightsTakeTheRateOfIntegers(String name) {
    ModelWork.Step stored = work(name, null).decode(2, 10);
    ModelWork.Step quantized = work(name, WeightFormat.INT8).decode(2, 10);
    assertEquals(0, stored.quantizedFlops());
    boolean smaller = quantized.bytes() < stored.bytes(); // in some, no row is whole groups
    assertEquals(smaller, quantized.quantizedFlops() > 0, quantized + " and " + stored);
    assertEquals(stored.otherFlops(), quantized.quantizedFlops() + quantized.otherFlops(), 1e-3);
    double ever = Double.POSITIVE_INFINITY;
    DeviceLimits limits = new DeviceLimits(ever, 1e9, 2e9, 4e9, ever);
    assertEquals(
        quantized.quantizedFlops() / 4e9 + quantized.otherFlops() / 2e9, quantized.floor(limits));
    DeviceLimits memory = new DeviceLimits(1e3, ever, 0, 0, ever);
    assertEquals(quantized.bytes() / 1e3, quantized.floor(memory));
  }

  /** A prompt computes no more than its tokens one by one, and reads weights once a chunk. */
  @ParameterizedTest
  @MethodSource("models")
  void promptsStopAtTheBorder(String name) {
    ModelWork work = work(name, null);
    double oneByOne = 0;
    for (int t = 0; t < 20; t++) {
      oneByOne += work.decode(1, t + 1).otherFlops();
    }
    ModelWork.Step prompt = work.prompt(1, 0, 20, 8);
    assertTrue(prompt.otherFlops() <= oneByOne, prompt + " and " + oneByOne);
    assertTrue(prompt.otherFlops() > work.prompt(1, 0, 19, 8).otherFlops());
    boolean attends =
        ModelConfig.read(directory(name).resolve(ModelConfig.FILE)).layers().stream()
            .anyMatch(
                kind -> kind == LayerKind.SWA || kind == LayerKind.FULL || kind == LayerKind.CROSS);
    assertEquals(attends, work.prompt(1, 20, 20, 8).otherFlops() > prompt.otherFlops());
    assertEquals(3.0 * work.memory().weights(), prompt.bytes());
    assertEquals(2 * prompt.otherFlops(), work.prompt(2, 0, 20, 8).otherFlops());
  }

  private static Path directory(String name) {
    return Path.of(System.getProperty("sambay.root", "."), "native", "tests", "goldens", name);
  }

  private static ModelConfig config(String name) {
    return ModelConfig.read(directory(name).resolve(ModelConfig.FILE));
  }

  private static ModelWork work(String name, @Nullable WeightFormat kept) {
    try (Checkpoint checkpoint = Checkpoint.open(directory(name))) {
      LoadOptions options = new LoadOptions(kept, DType.F32, 64, 3, 20, 3 * 64);
      return ModelWork.of(config(name), options, checkpoint);
    }
  }
}
