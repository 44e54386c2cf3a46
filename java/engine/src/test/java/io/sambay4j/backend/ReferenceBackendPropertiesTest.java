package io.sambay4j.backend;

final class ReferenceBackendPropertiesTest extends BackendPropertiesContract {
  @Override
  Backend open() {
    return new ReferenceBackend();
  }
}
