// SwiGLU and the gated memory unit without a norm.
// Bound by bytes: rows * features * (both inputs + output) / copy bandwidth; the one exponential and reciprocal per
// element are far below. Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_GATE_ELEMENTS_CUH_
#define SAMBAY_CUDA_KERNELS_GATE_ELEMENTS_CUH_

#include "cuda/kernels/copy_view.cuh"

namespace sambay::cuda {

constexpr int kGateThreads = 128;

// y = silu(gate) * factor. A block stays in one row.
struct GateParams {
  View gate, factor, y;
  int64_t factor_col;  // where the factor begins in its rows
  int64_t features;
  int32_t blocks_per_row;
};

template <int kWidth>
__global__ void __launch_bounds__(kGateThreads) gate_elements(const __grid_constant__ GateParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int64_t row = blockIdx.x / static_cast<uint32_t>(p.blocks_per_row);
  const int64_t block = blockIdx.x % static_cast<uint32_t>(p.blocks_per_row);
  const int64_t c = (block * kGateThreads + thread_index()) * kWidth;
  if (c >= p.features) return;
  float gate[kWidth], factor[kWidth];
  load(p.gate, row, c, gate);
  load(p.factor, row, p.factor_col + c, factor);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) gate[i] = silu(gate[i]) * factor[i];
  store(p.y, row, c, gate);
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_GATE_ELEMENTS_CUH_
