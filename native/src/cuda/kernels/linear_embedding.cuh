// Rows of a packed weight, looked up.
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_EMBEDDING_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_EMBEDDING_CUH_

#include "cuda/kernels/linear_matrix.cuh"
#include "cuda/kernels/linear_weight.cuh"

namespace sambay::cuda::linear_kernels {

struct EmbeddingParams {
  PackedWeight w;
  const int32_t* ids;
  MatrixView y;
};
constexpr int kEmbeddingThreads = 256;

// y[token] = row ids[token]; a block takes kEmbeddingThreads columns of one token. Bound by latency in a decode step;
// floor: bytes of y, and the sectors of 32 bytes that a row's pairs of columns lie in. Not yet run on a GPU.
__global__ void linear_embedding(const __grid_constant__ EmbeddingParams p) {
  grid_dependency_launch();
  grid_dependency_wait();
  const int token = static_cast<int>(blockIdx.x);
  const int k = static_cast<int>(blockIdx.y) * kEmbeddingThreads + thread_index();
  if (k < p.w.cols) store_element(p.y, token, k, weight_element(p.w, p.ids[token], k));
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_EMBEDDING_CUH_
