// Matrices of any storage type as kernels see them, and what becomes of a product before it is stored.
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_MATRIX_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_MATRIX_CUH_

#include "cuda/simt.h"

namespace sambay::cuda::linear_kernels {

// The values of sy_dtype.
constexpr int kF32 = 0, kF16 = 1, kBf16 = 2, kInt8 = 3, kInt4 = 4;

struct MatrixView {
  void* data;
  int dtype;  // kF32, kF16, kBf16
  int64_t stride;
};

__device__ __forceinline__ float load_element(const void* data, int dtype, int64_t i) {
  if (dtype == kF32) return static_cast<const float*>(data)[i];
  const uint16_t bits = static_cast<const uint16_t*>(data)[i];
  return dtype == kBf16 ? to_float(bf16{bits}) : to_float(f16{bits});
}
__device__ __forceinline__ float load_element(const MatrixView& matrix, int row, int col) {
  return load_element(matrix.data, matrix.dtype, row * matrix.stride + col);
}
__device__ __forceinline__ void store_element(void* data, int dtype, int64_t i, float value) {
  if (dtype == kF32) {
    static_cast<float*>(data)[i] = value;
  } else if (dtype == kBf16) {
    static_cast<bf16*>(data)[i] = from_float<bf16>(value);
  } else {
    static_cast<f16*>(data)[i] = from_float<f16>(value);
  }
}
__device__ __forceinline__ void store_element(const MatrixView& matrix, int row, int col, float value) {
  store_element(matrix.data, matrix.dtype, row * matrix.stride + col, value);
}

__device__ __forceinline__ float silu(float v) { return v / (1.0f + expf(-v)); }

// What becomes of the products p = x W^T + bias, as the flags of sy_linear_args say.
enum class Gate : int { kNone, kAccumulate, kSwiglu, kGmu };

struct Epilogue {
  MatrixView y;       // [tokens, outputs]
  MatrixView memory;  // of kGmu
  const float* bias;  // of every row of W, or null
  Gate gate;
  int tokens;
  int outputs;  // columns of y: the rows of W, or half of them for kSwiglu
};

__device__ __forceinline__ void store_output(const Epilogue& e, int token, int output, float value) {
  if (e.gate == Gate::kAccumulate) value = load_element(e.y, token, output) + value;
  if (e.gate == Gate::kGmu) value = silu(value) * load_element(e.memory, token, output);
  store_element(e.y, token, output, value);
}

// Ends the product of one output. `sum` belongs to row `output` of W; `up` to row outputs + output for kSwiglu.
__device__ __forceinline__ void finish_output(const Epilogue& e, int token, int output, float sum, float up) {
  if (token >= e.tokens || output >= e.outputs) return;
  if (e.bias != nullptr) sum += e.bias[output];
  if (e.gate == Gate::kSwiglu) {
    if (e.bias != nullptr) up += e.bias[e.outputs + output];
    sum = silu(sum) * up;
  }
  store_output(e, token, output, sum);
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_MATRIX_CUH_
