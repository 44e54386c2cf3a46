package io.sambay4j.backend;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("native")
@ParameterizedClass
@ValueSource(strings = {"scalar", "avx2", "avx512", "amx"})
class NativeQuantizedWeightTest extends QuantizedWeightContract {
  @SuppressWarnings("NullAway.Init")
  @Parameter
  String target;

  @Override
  Backend open() {
    return Targets.open(target);
  }
}
