package io.sambay4j.backend;

class ReferenceBackendGoldenTest extends KernelGoldenContract {
  @Override
  Backend open() {
    return new ReferenceBackend();
  }
}
