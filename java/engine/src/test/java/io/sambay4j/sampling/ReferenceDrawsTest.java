package io.sambay4j.sampling;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.ReferenceBackend;

final class ReferenceDrawsTest extends DrawsContract {
  @Override
  Backend open() {
    return new ReferenceBackend();
  }

  @Override
  int rounds() {
    return 200;
  }

  @Override
  int widest() {
    return 3000;
  }
}
