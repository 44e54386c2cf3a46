package io.sambay4j.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.DType;
import io.sambay4j.backend.ReferenceBackend;
import io.sambay4j.backend.Tensor;
import io.sambay4j.backend.Weight;
import io.sambay4j.weights.Checkpoint;
import io.sambay4j.weights.StorageType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The estimate against what loading a model really asks of its backend, to the byte. */
final class MemoryEstimateTest {
  static Stream<String> models() {
    return GoldenModel.names();
  }

  /** As published code computes; but small models gain nothing by it. */
  @Test
  void usualActivations() {
    ModelConfig full =
        config("java", "engine", "src", "test", "resources", "phi-4-mini-flash-reasoning");
    ModelConfig tiny = config("models", "tiny-reasoner");
    assertEquals(DType.BF16, LoadOptions.usualActivations(full, null, t -> StorageType.BF16));
    assertEquals(
        DType.BF16, LoadOptions.usualActivations(full, WeightFormat.INT4, t -> StorageType.F32));
    assertEquals(DType.F32, LoadOptions.usualActivations(full, null, t -> StorageType.F32));
    assertEquals(
        DType.F32,
        LoadOptions.usualActivations(full, WeightFormat.all(DType.F32), t -> StorageType.BF16));
    assertEquals(DType.F32, LoadOptions.usualActivations(tiny, null, t -> StorageType.BF16));
  }

  @ParameterizedTest
  @MethodSource("models")
  void isWhatLoadingAllocates(String name) {
    check(name, new LoadOptions(null, DType.F32, 64, 3, 20, 3 * 64));
    check(name, new LoadOptions(WeightFormat.all(DType.F16), DType.BF16, 128, 1, 7, 128));
    check(name, new LoadOptions(WeightFormat.INT4, DType.F32, 64, 2, 20, 2 * 64));
  }

  private static ModelConfig config(String... path) {
    Path directory = Path.of(System.getProperty("sambay.root", "."), path);
    return ModelConfig.read(directory.resolve(ModelConfig.FILE));
  }

  private static void check(String name, LoadOptions options) {
    Path directory =
        Path.of(System.getProperty("sambay.root", "."), "native", "tests", "goldens", name);
    ModelConfig config = ModelConfig.read(directory.resolve(ModelConfig.FILE));
    AtomicLong allocated = new AtomicLong();
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      MemoryEstimate estimate =
          MemoryEstimate.of(config, options, tensor -> checkpoint.tensor(tensor).type());
      try (SambayModel model =
          ModelLoader.load(counting(allocated), config, checkpoint, options, (done, total) -> {})) {
        assertEquals(estimate.total(), allocated.get(), name + " " + options);
        assertEquals(estimate.slot(), model.states().slotBytes());
        assertEquals(estimate.cachePerToken(), model.states().cacheBytesPerToken());
      }
    }
  }

  /** A reference backend that adds up the bytes of all tensors and weights in their own formats. */
  private static Backend counting(AtomicLong allocated) {
    ReferenceBackend backend = new ReferenceBackend();
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              @Nullable Object result;
              try {
                result = method.invoke(backend, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
              if (result instanceof Tensor t) {
                allocated.addAndGet((long) t.rows() * t.cols() * t.dtype().bytes());
              } else if (result instanceof Weight w) {
                allocated.addAndGet(w.dtype().bytes((long) w.rows() * w.cols()));
              }
              return result;
            });
  }
}
