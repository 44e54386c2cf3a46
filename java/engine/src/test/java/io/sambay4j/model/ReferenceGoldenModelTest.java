package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.ReferenceBackend;

/** The readable backend against the independent implementation. */
final class ReferenceGoldenModelTest extends GoldenModelContract {
  @Override
  Backend backend() {
    return new ReferenceBackend();
  }
}
