package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Targets;
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
      return Targets.open(target);
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
