package io.sambay4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
    Throwable refusal =
        assertThrows(UnsupportedOperationException.class, () -> Backends.open("cuda", null, 0));
    assertEquals("device cuda is not there yet; use cpu or auto", refusal.getMessage());
  }

  @Test
  void wrongNamesAndNumbersAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> Backends.open("tpu", null, 0));
    assertThrows(IllegalArgumentException.class, () -> Backends.open("cpu", null, -1));
  }

  @Test
  void aVersionMismatchNamesBothNumbers() {
    String sentence = NativeLibrary.versionMismatch(3, 1);
    assertTrue(sentence.contains("version 3") && sentence.contains("built for 1"), sentence);
  }
}
