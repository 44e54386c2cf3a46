package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("native")
class NativeBackendLifetimeTest extends BackendLifetimeContract {
  private static final int MIB = 1 << 18; // floats in a mebibyte
  private static final float[] ONES = ones(MIB);

  @Override
  Backend open() {
    return Targets.open("auto");
  }

  @Test
  void limitsAreMeasuredWhileOpen() {
    NativeBackend backend = Targets.open("scalar");
    DeviceLimits limits = backend.measureLimits(0.01);
    assertTrue(limits.readBytes() > 0 && limits.f32Flops() > 0 && limits.exponentials() > 0);
    assertEquals(0, limits.bf16Flops());
    assertThrows(IllegalArgumentException.class, () -> backend.measureLimits(0));
    backend.close();
    assertThrows(IllegalStateException.class, () -> backend.measureLimits(0.01));
  }

  @Test
  void twentyRoundsOfOpenAndCloseKeepTheResidentSize() throws Exception {
    ByteBuffer rows = Bytes.of(ones(32 * 8192), DType.F32);
    long settled = 0;
    for (int round = 0; round < 20; round++) {
      try (Backend backend = open()) {
        fill(backend, 32);
        Weight weight = backend.weight(1024, 8192, DType.F32);
        for (int row = 0; row < weight.rows(); row += 32) {
          weight.setRows(row, rows, DType.F32);
        }
      } // the storages and the weight go with their backend
      if (round == 4) {
        settled = Memory.residentMib();
      }
    }
    long grown = Memory.residentMib() - settled;
    assertTrue(grown < 64, "15 rounds of 64 MiB grew the process by %d MiB".formatted(grown));
  }

  @Test
  void whatIsGarbageCollectedUnclosedIsFreed() throws Exception {
    try (Backend backend = open()) {
      long before = Memory.residentMib();
      for (int round = 0; round < 64; round++) {
        fill(backend, 16);
        open(); // a whole backend, too
      }
      long grown = Long.MAX_VALUE;
      for (int attempt = 0; attempt < 200 && grown > 256; attempt++) {
        System.gc();
        Thread.sleep(50); // the cleaner has a thread of its own
        grown = Memory.residentMib() - before;
      }
      assertTrue(grown <= 256, "of 1024 MiB not closed %d are still there".formatted(grown));
    }
  }

  @Test
  void javaCppDoesNotLimitMemory() {
    open().close();
    assertEquals(0, Pointer.maxBytes());
    assertEquals(0, Pointer.maxPhysicalBytes());
  }

  @Test
  void unknownTargetAndUnsupportedKindAreSaid() {
    open().close();
    Throwable unknown =
        assertThrows(IllegalArgumentException.class, () -> NativeBackend.open("cpu", "quantum", 1));
    assertTrue(String.valueOf(unknown.getMessage()).contains("quantum"), unknown.getMessage());
    Throwable kind =
        assertThrows(IllegalArgumentException.class, () -> NativeBackend.open("abacus", null, 1));
    assertTrue(String.valueOf(kind.getMessage()).contains("abacus"), kind.getMessage());
  }

  @Test
  void autoTakesTheNativeLibrary() {
    open().close(); // or skips
    try (Backend backend = Backends.open("auto", null, 1)) {
      assertInstanceOf(NativeBackend.class, backend);
    }
  }

  private static void fill(Backend backend, int mib) {
    Tensor tensor = backend.allocate(DType.F32, mib, MIB);
    for (int r = 0; r < mib; r++) {
      backend.upload(ONES, 0, tensor.rows(r, r + 1));
    }
  }

  private static float[] ones(int count) {
    float[] ones = new float[count];
    Arrays.fill(ones, 1);
    return ones;
  }
}
