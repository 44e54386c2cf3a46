package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.OutOfDeviceMemoryException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Opening, closing, memory and graphs of a card. */
@Tag("cuda")
final class CudaLifetimeTest extends BackendLifetimeContract {
  @Override
  Backend open() {
    return CudaHost.open();
  }

  @Test
  void aCardThatIsNotThereIsNamed() {
    try (CudaHost.Named named = CudaHost.name()) {
      Throwable refusal =
          assertThrows(
              UnsupportedOperationException.class, () -> Backends.open("cuda:97", null, 0));
      String sentence = String.valueOf(refusal.getMessage());
      assertTrue(sentence.startsWith("device cuda: there is no CUDA device 97"), sentence);
    }
  }

  @Test
  void tooLittleMemoryIsSaidBeforeAnythingIsLoaded() {
    try (CudaHost.Named named = CudaHost.name()) {
      Throwable refusal =
          assertThrows(
              OutOfDeviceMemoryException.class, () -> Backends.open("cuda", null, 0, 1L << 50));
      String sentence = String.valueOf(refusal.getMessage());
      assertTrue(sentence.contains("the model takes 1048576.0 GiB"), sentence);
      try (Backend backend = Backends.open("auto", null, 0, 1L << 50)) {
        assertTrue(backend.description().startsWith("cpu"), backend.description());
      }
      try (Backend backend = Backends.open("auto", null, 0, 1 << 20)) {
        assertTrue(backend.description().startsWith("cuda"), backend.description());
      }
    }
  }

  @Test
  void memoryIsCounted() {
    try (NativeBackend backend = CudaHost.open()) {
      DeviceMemory memory = backend.memory();
      assertTrue(memory.free() > 0 && memory.free() <= memory.total(), memory.toString());
    }
  }

  @Test
  void timeOfTheDevice() {
    try (NativeBackend backend = CudaHost.open()) {
      Tensor tensor = backend.allocate(DType.F32, 64, 64);
      double seconds = backend.seconds(() -> backend.zero(tensor));
      assertTrue(seconds >= 0 && seconds < 60, "seconds: " + seconds);
    }
  }

  @Test
  void aGraphReadsItsArraysAnewAndMayOutliveNobody() {
    Backend backend = open();
    Tensor x = backend.allocate(DType.F32, 4, 3);
    Tensor y = backend.allocate(DType.F32, 2, 3);
    backend.upload(new float[] {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}, 0, x);
    int[] rows = {0, 1};
    Runnable operations = () -> backend.gatherRows(x, rows, y);
    operations.run();
    Graph graph = backend.record(operations);
    assertArrayEquals(new float[] {0, 0, 0, 1, 1, 1}, floats(backend, y));
    rows[0] = 3;
    rows[1] = 2;
    assertArrayEquals(new float[] {0, 0, 0, 1, 1, 1}, floats(backend, y), "recorded, not run");
    graph.launch();
    assertArrayEquals(new float[] {3, 3, 3, 2, 2, 2}, floats(backend, y));
    rows[1] = 4;
    Throwable refusal = assertThrows(IllegalArgumentException.class, graph::launch);
    assertTrue(String.valueOf(refusal.getMessage()).contains("rows[1] is 4"), refusal.getMessage());
    rows[1] = 0;
    graph.launch();
    assertArrayEquals(new float[] {3, 3, 3, 0, 0, 0}, floats(backend, y));
    graph.close();
    graph.close();
    assertThrows(IllegalStateException.class, graph::launch);
    Graph second = backend.record(operations);
    backend.close();
    assertThrows(IllegalStateException.class, second::launch);
    second.close();
  }

  @Test
  void whatFailsWhileRecordingLeavesTheDeviceAsItWas() {
    try (Backend backend = open()) {
      Tensor x = backend.allocate(DType.F32, 4, 3);
      assertThrows(
          ArithmeticException.class,
          () ->
              backend.record(
                  () -> {
                    backend.zero(x);
                    throw new ArithmeticException();
                  }));
      assertThrows(IllegalArgumentException.class, () -> backend.record(() -> backend.copy(x, x)));
      backend.upload(new float[12], 0, x);
      assertEquals(0, floats(backend, x)[0]);
      assertInstanceOf(Graph.class, backend.record(() -> backend.zero(x))).close();
    }
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[tensor.rows() * tensor.cols()];
    backend.download(tensor, values, 0);
    return values;
  }
}
