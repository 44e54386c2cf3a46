package io.sambay4j.model;

import io.sambay4j.backend.Backend;
import io.sambay4j.backend.CudaHost;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;

/** The golden models through the CUDA kernels; on the host a few small ones, cut in one way. */
@Tag("cuda")
final class CudaGoldenModelTest extends GoldenModelContract {
  /** Every kind of layer, both norms, grouped heads, windows that are crossed. */
  private static final List<String> SMALL =
      List.of("flash-tiny-bf16", "flash-gqa-window", "variant-gmu-norm", "variant-mamba");

  @Override
  Backend backend() {
    return CudaHost.open();
  }

  @Override
  Stream<String> models() {
    return super.models().filter(name -> CudaHost.isCard() || SMALL.contains(name));
  }

  @Override
  Stream<String> bf16Models() {
    return super.bf16Models().filter(name -> CudaHost.isCard() || SMALL.contains(name));
  }

  @Override
  int[] chunkSizes() {
    return CudaHost.isCard() ? super.chunkSizes() : new int[] {3};
  }
}
