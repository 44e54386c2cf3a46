// Rotary position embedding in place, halves layout, one block per row.
// Bound by bytes: the rows are read and written once, the tables come from L2. Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_ROPE_ROWS_CUH_
#define SAMBAY_CUDA_KERNELS_ROPE_ROWS_CUH_

#include "cuda/kernels/copy_view.cuh"

namespace sambay::cuda {

constexpr int kRopeThreads = 128;

struct RopeParams {
  View x, cos, sin;
  const int32_t* seq_start;
  const int32_t* position;
  int32_t sequences;
  int32_t heads, head_dim, half;
};

template <int kWidth>
__global__ void __launch_bounds__(kRopeThreads) rope_rows(const __grid_constant__ RopeParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int row = static_cast<int>(blockIdx.x);
  const int s = sequence_of(p.seq_start, p.sequences, row);
  const int64_t position = int64_t{p.position[s]} + row - p.seq_start[s];
  const int vectors = p.half / kWidth;
  for (int i = thread_index(); i < p.heads * vectors; i += kRopeThreads) {
    const int64_t head = i / vectors * int64_t{p.head_dim};
    const int j = i % vectors * kWidth;
    float first[kWidth], second[kWidth], cos[kWidth], sin[kWidth];
    load(p.x, row, head + j, first);
    load(p.x, row, head + j + p.half, second);
    load(p.cos, position, j, cos);
    load(p.sin, position, j, sin);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      const float turned = first[k] * cos[k] - second[k] * sin[k];
      second[k] = second[k] * cos[k] + first[k] * sin[k];
      first[k] = turned;
    }
    store(p.x, row, head + j, first);
    store(p.x, row, head + j + p.half, second);
  }
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_ROPE_ROWS_CUH_
