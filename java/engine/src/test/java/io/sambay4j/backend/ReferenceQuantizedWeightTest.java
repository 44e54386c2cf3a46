package io.sambay4j.backend;

class ReferenceQuantizedWeightTest extends QuantizedWeightContract {
  @Override
  Backend open() {
    return new ReferenceBackend();
  }
}
