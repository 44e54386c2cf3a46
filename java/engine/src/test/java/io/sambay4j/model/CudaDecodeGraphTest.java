package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.CudaHost;
import org.junit.jupiter.api.Tag;

/** Graph = no graph on the device cuda. */
@Tag("cuda")
final class CudaDecodeGraphTest extends DecodeGraphContract {
  @Override
  Backend backend() {
    return CudaHost.open();
  }
}
