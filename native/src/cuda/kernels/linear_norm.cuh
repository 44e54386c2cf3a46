// The rows that enter a product, normalised and rounded as the product takes them.
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_NORM_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_NORM_CUH_

#include "cuda/kernels/linear_matrix.cuh"

namespace sambay::cuda::linear_kernels {

struct Norm {
  const float* weight;  // null: x as it is
  const float* bias;    // null: RMSNorm, else LayerNorm
  float eps;
};
constexpr int kNormThreads = 128;
constexpr int kNormWarps = kNormThreads / 32;
constexpr int kNormSharedBytes = kNormWarps * 4;

// The sum over the block's kNormThreads threads, in a fixed order. `sums` [kNormWarps] in shared memory.
__device__ __forceinline__ float block_sum(float value, float* sums) {
  value = warp_sum(value);
  if (lane_index() == 0) sums[warp_index()] = value;
  __syncthreads();
  float total = 0;
#pragma unroll
  for (int i = 0; i < kNormWarps; ++i) total += sums[i];
  __syncthreads();
  return total;
}

// store(k, norm(x[row])[k]) for k < cols, and store(k, 0) from there to depth. `sums` [kNormWarps] in shared memory.
// All threads of a block of kNormThreads take part; the result is theirs to see after a barrier. Used by the decode
// kernel and on its own, so that both round alike. The row is read three times, twice of them from the first cache.
template <class Store>
__device__ __forceinline__ void normalize_row(const MatrixView& x, int row, int cols, int depth, const Norm& norm,
                                              float* sums, Store store) {
  const int thread = thread_index();
  if (norm.weight == nullptr) {
    for (int k = thread; k < depth; k += kNormThreads) store(k, k < cols ? load_element(x, row, k) : 0.0f);
    return;
  }
  float mean = 0;
  if (norm.bias != nullptr) {
    float sum = 0;
#pragma unroll 8
    for (int k = thread; k < cols; k += kNormThreads) sum += load_element(x, row, k);
    mean = block_sum(sum, sums) / static_cast<float>(cols);
  }
  float squares = 0;
#pragma unroll 8
  for (int k = thread; k < cols; k += kNormThreads) {
    const float centred = load_element(x, row, k) - mean;
    squares = fmaf(centred, centred, squares);
  }
  const float variance = block_sum(squares, sums) / static_cast<float>(cols);
  const float inverse = 1.0f / sqrtf(variance + norm.eps);
  for (int k = thread; k < depth; k += kNormThreads) {
    float value = 0;
    if (k < cols) {
      value = (load_element(x, row, k) - mean) * inverse * norm.weight[k];
      if (norm.bias != nullptr) value += norm.bias[k];
    }
    store(k, value);
  }
}

struct NormParams {
  MatrixView x, y;  // [tokens, cols], [tokens, depth]
  Norm norm;
  int cols, depth;
};

// One row per block. Floor: bytes of x and y / bandwidth. Not yet run on a GPU.
__global__ void linear_norm(const __grid_constant__ NormParams p) {
  grid_dependency_launch();
  grid_dependency_wait();
  const int row = static_cast<int>(blockIdx.x);
  normalize_row(p.x, row, p.cols, p.depth, p.norm, shared_at<float>(0),
                [&](int k, float value) { store_element(p.y, row, k, value); });
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_NORM_CUH_
