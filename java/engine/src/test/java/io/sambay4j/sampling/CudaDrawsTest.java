package io.sambay4j.sampling;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.CudaHost;
import org.junit.jupiter.api.Tag;

@Tag("cuda")
final class CudaDrawsTest extends DrawsContract {
  @Override
  Backend open() {
    return CudaHost.open();
  }

  @Override
  int rounds() {
    return CudaHost.isCard() ? 2000 : 30;
  }

  @Override
  int widest() {
    return CudaHost.isCard() ? 210_000 : 3000;
  }
}
