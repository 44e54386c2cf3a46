// LayerNorm, RMSNorm and the normalised gated memory unit: one block per row (or group of a row), three passes of which
// the later ones find the row in L1.
// Bound by bytes: rows * features * (bytes read + bytes written) / copy bandwidth; 2,048 rows of 2,560 from f32 to bf16
// are 31 MB, 10 us at 3.0 TB/s. A single row is latency, about 3 us. Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_NORM_ROWS_CUH_
#define SAMBAY_CUDA_KERNELS_NORM_ROWS_CUH_

#include "cuda/kernels/copy_view.cuh"

namespace sambay::cuda {

constexpr int kNormThreads = 256;
constexpr int kNormSharedBytes = kNormThreads / 32 * 4;

// The sum over the block, the same in every thread and in a fixed order.
__device__ __forceinline__ float norm_block_sum(float value) {
  float* sums = shared_at<float>(0);
  value = warp_sum(value);
  __syncthreads();  // the last sums have been read
  if (lane_index() == 0) sums[warp_index()] = value;
  __syncthreads();
  float sum = 0;
  for (int i = 0; i < kNormThreads / 32; ++i) sum += sums[i];
  return sum;
}

struct NormParams {
  View x, y;
  const float* weight;
  const float* bias;  // null: RMSNorm
  int64_t features;
  float eps;
};

template <int kWidth>
__global__ void __launch_bounds__(kNormThreads) norm_rows(const __grid_constant__ NormParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int64_t row = blockIdx.x, first = int64_t{thread_index()} * kWidth;
  constexpr int64_t kStep = int64_t{kNormThreads} * kWidth;
  const float count = static_cast<float>(p.features);
  float v[kWidth];

  // The mean in two parts, the second what rounding left out of the first: so a constant row leaves nothing, and a
  // large mean does not drown a small variance.
  float rough = 0, rest = 0;
  if (p.bias != nullptr) {
    float sum = 0;
    for (int64_t c = first; c < p.features; c += kStep) {
      load(p.x, row, c, v);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) sum += v[i];
    }
    rough = norm_block_sum(sum) / count;
    sum = 0;
    for (int64_t c = first; c < p.features; c += kStep) {
      load(p.x, row, c, v);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) sum += v[i] - rough;
    }
    rest = norm_block_sum(sum) / count;
  }
  float squares = 0;
  for (int64_t c = first; c < p.features; c += kStep) {
    load(p.x, row, c, v);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const float centred = v[i] - rough - rest;
      squares += centred * centred;
    }
  }
  const float scale = 1.0f / sqrtf(norm_block_sum(squares) / count + p.eps);

  for (int64_t c = first; c < p.features; c += kStep) {
    float weight[kWidth], bias[kWidth] = {};
    load(p.x, row, c, v);
    load_weights(p.weight, c, weight);
    if (p.bias != nullptr) load_weights(p.bias, c, bias);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) v[i] = fmaf((v[i] - rough - rest) * scale, weight[i], bias[i]);
    store(p.y, row, c, v);
  }
}

struct GmuNormParams {
  View gate, memory, y;
  const float* weight;
  int64_t group;  // features of one
  int32_t groups;
  float eps;
};

// y = RMSNorm(silu(gate) * memory) of one group of one row.
template <int kWidth>
__global__ void __launch_bounds__(kNormThreads) gmu_norm_groups(const __grid_constant__ GmuNormParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int64_t row = blockIdx.x / static_cast<uint32_t>(p.groups);
  const int64_t begin = (blockIdx.x % static_cast<uint32_t>(p.groups)) * p.group, end = begin + p.group;
  const int64_t first = begin + int64_t{thread_index()} * kWidth;
  constexpr int64_t kStep = int64_t{kNormThreads} * kWidth;
  float gate[kWidth], memory[kWidth];
  float squares = 0;
  for (int64_t c = first; c < end; c += kStep) {
    load(p.gate, row, c, gate);
    load(p.memory, row, c, memory);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const float gated = silu(gate[i]) * memory[i];
      squares += gated * gated;
    }
  }
  const float scale = 1.0f / sqrtf(norm_block_sum(squares) / static_cast<float>(p.group) + p.eps);
  for (int64_t c = first; c < end; c += kStep) {
    float weight[kWidth];
    load(p.gate, row, c, gate);
    load(p.memory, row, c, memory);
    load_weights(p.weight, c, weight);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) gate[i] = silu(gate[i]) * memory[i] * scale * weight[i];
    store(p.y, row, c, gate);
  }
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_NORM_ROWS_CUH_
