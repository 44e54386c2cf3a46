// y = x W^T for every storage type and shape, with f32 products and sums: what the tensor-core kernels do not take, and
// what they are checked against. Floor: 2 tokens rows cols / (128 f32 products a clock and multiprocessor); no product
// path of bf16 models comes here, those of f32 activations do. Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_GENERAL_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_GENERAL_CUH_

#include "cuda/kernels/linear_matrix.cuh"
#include "cuda/kernels/linear_weight.cuh"

namespace sambay::cuda::linear_kernels {

struct GeneralParams {
  PackedWeight w;
  MatrixView x;
  Epilogue epilogue;
};

constexpr int kGeneralThreads = 256;
constexpr int kGeneralRows = 64;  // of W per block; for kSwiglu 32 gates and their 32 ups
constexpr int kGeneralRowStride = kGeneralRows + 1;

constexpr int general_shared_bytes(int tokens_per_thread) {
  return 4 * kChunk * (kGeneralRowStride + 16 * tokens_per_thread + 1);
}

// A block computes 64 rows of W times 16 kTokensPerThread tokens, a thread 4 times kTokensPerThread of them, in order
// of k whatever kTokensPerThread is.
template <int kTokensPerThread>
__global__ void __launch_bounds__(kGeneralThreads) linear_general(const __grid_constant__ GeneralParams p) {
  constexpr int kTokens = 16 * kTokensPerThread;
  constexpr int kTokenStride = kTokens + 1;
  grid_dependency_launch();
  grid_dependency_wait();
  float* ws = shared_at<float>(0);              // [kChunk][kGeneralRowStride]
  float* xs = ws + kChunk * kGeneralRowStride;  // [kChunk][kTokenStride]
  const int thread = thread_index(), tx = thread % 16, ty = thread / 16;
  const bool paired = p.epilogue.gate == Gate::kSwiglu;
  const int outputs_per_block = paired ? kGeneralRows / 2 : kGeneralRows;
  const int first_output = static_cast<int>(blockIdx.x) * outputs_per_block;
  const int first_token = static_cast<int>(blockIdx.y) * kTokens;

  float sums[4][kTokensPerThread] = {};
  for (int first_k = 0; first_k < p.w.cols; first_k += kChunk) {
    const int k = first_k + thread % kChunk;
    for (int row = thread / kChunk; row < kGeneralRows; row += kGeneralThreads / kChunk) {
      const int output = first_output + row % outputs_per_block;
      const int w_row = row < outputs_per_block ? output : p.epilogue.outputs + output;
      const bool inside = output < p.epilogue.outputs && k < p.w.cols;
      ws[thread % kChunk * kGeneralRowStride + row] = inside ? weight_element(p.w, w_row, k) : 0.0f;
    }
    for (int token = thread / kChunk; token < kTokens; token += kGeneralThreads / kChunk) {
      const bool inside = first_token + token < p.epilogue.tokens && k < p.w.cols;
      xs[thread % kChunk * kTokenStride + token] = inside ? load_element(p.x, first_token + token, k) : 0.0f;
    }
    __syncthreads();
    const int depth = min(kChunk, p.w.cols - first_k);
    for (int i = 0; i < depth; ++i) {
#pragma unroll
      for (int r = 0; r < 4; ++r) {
        const float weight = ws[i * kGeneralRowStride + ty + 16 * r];
#pragma unroll
        for (int j = 0; j < kTokensPerThread; ++j) {
          sums[r][j] = fmaf(weight, xs[i * kTokenStride + tx + 16 * j], sums[r][j]);
        }
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int j = 0; j < kTokensPerThread; ++j) {
    const int token = first_token + tx + 16 * j;
#pragma unroll
    for (int r = 0; r < 4; ++r) {
      if (paired && r >= 2) continue;
      finish_output(p.epilogue, token, first_output + ty + 16 * r, sums[r][j], sums[(r + 2) % 4][j]);
    }
  }
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_GENERAL_CUH_
