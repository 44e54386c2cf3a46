package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.util.List;
import org.junit.jupiter.api.Test;

class BackendsTest {
  @Test
  void referenceIsAlwaysThere() {
    try (Backend backend = Backends.open("reference", null, 0)) {
      assertInstanceOf(ReferenceBackend.class, backend);
    }
  }

  @Test
  void autoFindsSomethingEverywhere() {
    try (Backend backend = Backends.open("auto", null, 1)) {
      assertEquals(NativeLibrary.isAvailable(), backend instanceof NativeBackend);
    }
  }

  @Test
  void cudaIsRefusedWithASentence() {
    assumeFalse(CudaLibrary.isPresent());
    Throwable refusal =
        assertThrows(UnsupportedOperationException.class, () -> Backends.open("cuda", null, 0));
    String sentence = String.valueOf(refusal.getMessage());
    assertTrue(sentence.startsWith("device cuda: "), sentence);
    if (NativeLibrary.isAvailable()) {
      assertTrue(sentence.contains("classifier linux-x86_64-gpu is not on the class path"));
    }
  }

  @Test
  void wrongNamesAndNumbersAreRefused() {
    for (String name : List.of("tpu", "cuda:", "cuda:-1", "cuda:one", "cuda:12345", "cpu:0", "")) {
      assertThrows(IllegalArgumentException.class, () -> Backends.open(name, null, 0), name);
    }
    assertThrows(IllegalArgumentException.class, () -> Backends.open("cuda", "avx2", 0));
    assertThrows(IllegalArgumentException.class, () -> Backends.open("cpu", null, -1));
  }

  @Test
  void namesOfDevices() {
    assertEquals("cuda:0", DeviceName.parse("CUDA").toString());
    assertEquals("cuda:7", DeviceName.parse("cuda:7").toString());
    assertEquals("auto", DeviceName.parse("Auto").toString());
  }

  @Test
  void aVersionMismatchNamesBothNumbers() {
    String sentence = NativeLibrary.versionMismatch(3, 1);
    assertTrue(sentence.contains("version 3") && sentence.contains("built for 1"), sentence);
  }
}
