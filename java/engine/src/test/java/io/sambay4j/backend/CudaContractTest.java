package io.sambay4j.backend;

import org.junit.jupiter.api.Tag;

/** Random arguments against the reference. */
@Tag("cuda")
final class CudaContractTest extends BackendContract {
  @Override
  Backend open() {
    return CudaHost.open();
  }
}
