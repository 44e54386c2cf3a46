package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** A card's memory and stream in other hands, and other memory in ours. */
@Tag("cuda")
final class CudaInteropTest {
  @Test
  void aTensorOverAnotherOnesMemorySeesIt() {
    try (NativeBackend backend = CudaHost.open()) {
      CudaInterop interop = CudaInterop.of(backend);
      Tensor x = backend.allocate(DType.F32, 4, 3);
      backend.upload(new float[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 0, x);
      long start = interop.devicePointer(x).address();
      Pointer fromRow1 = interop.devicePointer(x.rows(1, 4));
      assertEquals(3 * 4, fromRow1.address() - start);
      assertEquals((3 + 2) * 4, interop.devicePointer(x.rows(1, 2).cols(2, 3)).address() - start);

      Tensor borrowed = interop.borrow(fromRow1, DType.F32, 2, 3);
      assertArrayEquals(new float[] {3, 4, 5, 6, 7, 8}, floats(backend, borrowed));
      backend.zero(borrowed.rows(1, 2));
      backend.copy(borrowed.rows(0, 1), x.rows(0, 1));
      float[] expected = {3, 4, 5, 3, 4, 5, 0, 0, 0, 9, 10, 11};
      assertArrayEquals(expected, floats(backend, x));

      borrowed.storage().close();
      borrowed.storage().close();
      assertThrows(IllegalStateException.class, () -> backend.zero(borrowed));
      assertArrayEquals(expected, floats(backend, x), "the memory was not the borrower's");
    }
  }

  @Test
  void pointersOfAnotherProgramCountFromTheirPosition() {
    try (NativeBackend backend = CudaHost.open()) {
      CudaInterop interop = CudaInterop.of(backend);
      Tensor x = backend.allocate(DType.F32, 1, 8);
      backend.upload(new float[] {0, 1, 2, 3, 4, 5, 6, 7}, 0, x);
      FloatPointer theirs = new FloatPointer(interop.devicePointer(x)).capacity(8).position(5);
      assertArrayEquals(
          new float[] {5, 6, 7}, floats(backend, interop.borrow(theirs, DType.F32, 1, 3)));
      assertRefused(
          "the pointer to borrow has 12 bytes, F32[1, 4] takes 16",
          () -> interop.borrow(theirs, DType.F32, 1, 4));
    }
  }

  @Test
  void whatCannotBeBorrowedIsNamed() {
    try (NativeBackend backend = CudaHost.open();
        FloatPointer host = new FloatPointer(64)) {
      CudaInterop interop = CudaInterop.of(backend);
      assertRefused(
          "buffer_borrow: the 256 bytes are not all memory of a card",
          () -> interop.borrow(host, DType.F32, 8, 8));
      assertRefused("is null", () -> interop.borrow(new Pointer(), DType.F32, 1, 1));
      Tensor x = backend.allocate(DType.BF16, 1, 9);
      Pointer odd = interop.devicePointer(x.cols(1, 9));
      assertRefused("not aligned to F32, 4 bytes", () -> interop.borrow(odd, DType.F32, 1, 2));
      Pointer start = interop.devicePointer(x);
      assertRefused("not all memory", () -> interop.borrow(start, DType.F32, 1 << 12, 1 << 12));
      assertRefused("for weights only", () -> interop.borrow(start, DType.INT8, 1, 2));
    }
  }

  @Test
  void theStreamIsTheCardsAndOrdersOthers() {
    NativeBackend backend = CudaHost.open();
    CudaInterop interop = CudaInterop.of(backend);
    CUstream_st stream = interop.stream();
    assertTrue(stream.address() != 0);
    assertEquals(interop.streamPointer().address(), stream.address());
    try (NativeBackend other = CudaHost.open()) {
      CUstream_st theirs = CudaInterop.of(other).stream();
      assertTrue(theirs.address() != stream.address(), "two devices, one stream");
      Tensor x = other.allocate(DType.F32, 1, 2);
      other.upload(new float[] {1, 2}, 0, x);
      interop.runAfter(theirs);
      Tensor borrowed = interop.borrow(CudaInterop.of(other).devicePointer(x), DType.F32, 1, 2);
      backend.zero(borrowed.cols(0, 1));
      interop.runBefore(theirs);
      assertArrayEquals(new float[] {0, 2}, floats(other, x));
      interop.runAfter(null);
      interop.runBefore(null);
      assertRefused("belongs to another backend", () -> interop.devicePointer(x));
      borrowed.storage().close();
    }
    Tensor x = backend.allocate(DType.F32, 1, 2);
    backend.close();
    assertThrows(IllegalStateException.class, () -> interop.devicePointer(x));
    assertThrows(IllegalStateException.class, interop::stream);
    assertThrows(IllegalStateException.class, () -> interop.runAfter(null));
    assertThrows(IllegalStateException.class, () -> interop.borrow(stream, DType.F32, 1, 1));
  }

  @Test
  void duringARecordingNothingIsTakenIn() {
    try (NativeBackend backend = CudaHost.open()) {
      CudaInterop interop = CudaInterop.of(backend);
      Tensor x = backend.allocate(DType.F32, 1, 2);
      Pointer start = interop.devicePointer(x);
      assertRefused(
          "a graph is being recorded",
          () -> backend.record(() -> interop.borrow(start, DType.F32, 1, 1)));
      assertRefused(
          "a graph is being recorded", () -> backend.record(() -> interop.runAfter(null)));
    }
  }

  @Test
  void otherDevicesShareNothing() {
    try (Backend reference = new ReferenceBackend()) {
      assertRefused("expected a card", () -> CudaInterop.of(reference));
    }
    if (NativeLibrary.isAvailable()) {
      try (Backend cpu = Targets.open("auto")) {
        assertRefused("the backend is cpu, ", () -> CudaInterop.of(cpu));
      }
    }
  }

  /** Everything but {@link CudaInterop#stream}, on a class path without the presets. */
  static final class WithoutPresets {
    public static void main(String[] args) {
      try (NativeBackend backend = CudaHost.open()) {
        CudaInterop interop = CudaInterop.of(backend);
        Tensor x = backend.allocate(DType.F32, 1, 2);
        backend.zero(interop.borrow(interop.devicePointer(x), DType.F32, 1, 2));
        interop.runAfter(interop.streamPointer());
        try {
          interop.stream();
        } catch (UnsupportedOperationException e) {
          System.out.println(e.getMessage());
        }
      }
    }
  }

  @Test
  void withoutThePresetsOnlyTheirTypeIsMissing() throws IOException, InterruptedException {
    CudaHost.open().close();
    String all =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    String classPath =
        Arrays.stream(all.split(File.pathSeparator))
            .filter(entry -> !new File(entry).getName().startsWith("cuda-"))
            .collect(Collectors.joining(File.pathSeparator));
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Dsambay.root=" + System.getProperty("sambay.root", "."),
            "-Dorg.bytedeco.javacpp.cachedir="
                + System.getProperty("org.bytedeco.javacpp.cachedir", "target/javacpp-cache"),
            "-cp",
            classPath,
            WithoutPresets.class.getName());
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    assertTrue(output.contains("javacpp-presets-cuda is not on the class path"), output);
  }

  private static void assertRefused(String part, Executable call) {
    String message =
        String.valueOf(assertThrows(IllegalArgumentException.class, call).getMessage());
    assertTrue(message.contains(part), message);
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[tensor.rows() * tensor.cols()];
    backend.download(tensor, values, 0);
    return values;
  }
}
