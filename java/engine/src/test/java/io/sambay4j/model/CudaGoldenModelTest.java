package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.CudaHost;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;

/** The golden models through the CUDA kernels; on the host the small ones alone. */
@Tag("cuda")
final class CudaGoldenModelTest extends GoldenModelContract {
  @Override
  Backend backend() {
    return CudaHost.open();
  }

  @Override
  Stream<String> models() {
    return super.models()
        .filter(name -> CudaHost.isCard() || !(name.contains("w512") || name.contains("deep")));
  }

  @Override
  Stream<String> bf16Models() {
    return super.bf16Models().filter(name -> CudaHost.isCard() || !name.contains("w512"));
  }
}
