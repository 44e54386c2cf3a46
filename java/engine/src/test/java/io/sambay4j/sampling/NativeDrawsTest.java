package io.sambay4j.sampling;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.Targets;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("native")
@ParameterizedClass
@ValueSource(strings = {"scalar", "avx2", "avx512", "amx"})
final class NativeDrawsTest extends DrawsContract {
  @SuppressWarnings("NullAway.Init")
  @Parameter
  String target;

  @Override
  Backend open() {
    return Targets.open(target);
  }

  @Override
  int rounds() {
    return 200;
  }

  @Override
  int widest() {
    return 30_000;
  }
}
