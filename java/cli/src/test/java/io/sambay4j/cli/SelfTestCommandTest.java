package io.sambay4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.NativeLibrary;
import io.sambay4j.backend.ReferenceBackend;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

final class SelfTestCommandTest {
  @Test
  @Tag("native")
  void everyKernelPasses() {
    Assumptions.assumeTrue(NativeLibrary.isAvailable(), "no native library on this platform");
    Run run = Run.sambay("self-test", "--seed", "5", "--threads", "2").expect(0);
    assertTrue(run.out().contains("checks passed on scalar"), run.out());
    assertFalse(run.out().contains("FAILED"), run.out());
  }

  @Test
  void everyOperationOfABackendIsChecked() {
    Set<String> called = new TreeSet<>();
    ReferenceBackend reference = new ReferenceBackend();
    Backend recording =
        (Backend)
            Proxy.newProxyInstance(
                Backend.class.getClassLoader(),
                new Class<?>[] {Backend.class},
                (proxy, method, arguments) -> {
                  called.add(method.getName());
                  try {
                    return method.invoke(reference, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  }
                });
    KernelCheck.all().forEach(check -> check.run(recording, 1));
    Set<String> operations = new TreeSet<>();
    for (Method method : Backend.class.getMethods()) {
      if (Modifier.isAbstract(method.getModifiers())) {
        operations.add(method.getName());
      }
    }
    operations.removeAll(Set.of("description", "close")); // not operations
    assertEquals(operations, called);
  }

  @Test
  void anotherSeedGivesOtherNumbers() {
    try (ReferenceBackend reference = new ReferenceBackend()) {
      KernelCheck check = KernelCheck.all().get(0);
      assertTrue(check.run(reference, 1)[0][0] != check.run(reference, 2)[0][0]);
    }
  }
}
