package io.sambay4j.backend;

import org.junit.jupiter.api.Tag;

/** Every kernel against an independent implementation. */
@Tag("cuda")
final class CudaGoldenTest extends KernelGoldenContract {
  @Override
  Backend open() {
    return CudaHost.open();
  }
}
