package io.sambay4j.model;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Backends;
import io.sambay4j.backend.NativeLibrary;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;

/** Every CPU target this machine can force, against the independent implementation. */
@Tag("native")
final class NativeGoldenModelTest {
  private abstract static class OnTarget extends GoldenModelContract {
    private final String target;

    OnTarget(String target) {
      this.target = target;
    }

    @Override
    Backend backend() {
      assumeTrue(NativeLibrary.isAvailable(), "no native library here");
      assumeTrue(Backends.supportedTargets().contains(target), target + " cannot run on this CPU");
      return Backends.open("cpu", target, 2);
    }
  }

  @Nested
  final class Scalar extends OnTarget {
    Scalar() {
      super("scalar");
    }
  }

  @Nested
  final class Avx2 extends OnTarget {
    Avx2() {
      super("avx2");
    }
  }

  @Nested
  final class Avx512 extends OnTarget {
    Avx512() {
      super("avx512");
    }
  }

  @Nested
  final class Amx extends OnTarget {
    Amx() {
      super("amx");
    }
  }
}
