package io.sambay4j.backend;

import org.junit.jupiter.api.Tag;

/** What holds of every kernel whatever the numbers. */
@Tag("cuda")
final class CudaPropertiesTest extends BackendPropertiesContract {
  @Override
  Backend open() {
    return CudaHost.open();
  }
}
