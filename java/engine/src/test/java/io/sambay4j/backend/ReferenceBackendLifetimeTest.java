package io.sambay4j.backend;

class ReferenceBackendLifetimeTest extends BackendLifetimeContract {
  @Override
  Backend open() {
    return new ReferenceBackend();
  }
}
