// Rows of any storage type as kernels read and write them: the type is looked at once per vector, which costs nothing
// beside the memory it stands for, and saves an instance of every kernel per mix of types.
#ifndef SAMBAY_CUDA_KERNELS_COPY_VIEW_CUH_
#define SAMBAY_CUDA_KERNELS_COPY_VIEW_CUH_

#include "cuda/simt.h"
#include "sambay/sambay.h"

namespace sambay::cuda {

// A matrix of f32, f16 or bf16. Data that is null is no matrix.
struct View {
  unsigned char* data;
  int64_t row_bytes;
  int32_t dtype;

  __device__ __forceinline__ unsigned char* at(int64_t row, int64_t col) const {
    return data + row * row_bytes + col * (dtype == SY_F32 ? 4 : 2);
  }
};

// kWidth elements from (row, col) on, as f32: 1, or 8 at a multiple of 16 bytes. Not by the read-only path, as some
// operations work in place.
template <int kWidth>
__device__ __forceinline__ void load(const View& view, int64_t row, int64_t col, float (&values)[kWidth]) {
  static_assert(kWidth == 1 || kWidth == 8, "one element, or a vector");
  const unsigned char* from = view.at(row, col);
  if constexpr (kWidth == 1) {
    if (view.dtype == SY_F32) {
      values[0] = *reinterpret_cast<const float*>(from);
    } else {
      const uint16_t bits = *reinterpret_cast<const uint16_t*>(from);
      values[0] = view.dtype == SY_BF16 ? to_float(bf16{bits}) : to_float(f16{bits});
    }
  } else if (view.dtype == SY_F32) {
    const float4 low = *reinterpret_cast<const float4*>(from), high = *reinterpret_cast<const float4*>(from + 16);
    values[0] = low.x, values[1] = low.y, values[2] = low.z, values[3] = low.w;
    values[4] = high.x, values[5] = high.y, values[6] = high.z, values[7] = high.w;
  } else {
    const uint4 four = *reinterpret_cast<const uint4*>(from);
    const uint32_t pairs[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      values[2 * i] = view.dtype == SY_BF16 ? low_bf16(pairs[i]) : low_f16(pairs[i]);
      values[2 * i + 1] = view.dtype == SY_BF16 ? high_bf16(pairs[i]) : high_f16(pairs[i]);
    }
  }
}

// The same way back, rounded to nearest even.
template <int kWidth>
__device__ __forceinline__ void store(const View& view, int64_t row, int64_t col, const float (&values)[kWidth]) {
  static_assert(kWidth == 1 || kWidth == 8, "one element, or a vector");
  unsigned char* to = view.at(row, col);
  if constexpr (kWidth == 1) {
    if (view.dtype == SY_F32) {
      *reinterpret_cast<float*>(to) = values[0];
    } else {
      *reinterpret_cast<uint16_t*>(to) =
          view.dtype == SY_BF16 ? from_float<bf16>(values[0]).bits : from_float<f16>(values[0]).bits;
    }
  } else if (view.dtype == SY_F32) {
    *reinterpret_cast<float4*>(to) = make_float4(values[0], values[1], values[2], values[3]);
    *reinterpret_cast<float4*>(to + 16) = make_float4(values[4], values[5], values[6], values[7]);
  } else {
    uint32_t pairs[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float low = values[2 * i], high = values[2 * i + 1];
      pairs[i] = view.dtype == SY_BF16 ? pack_bf16(low, high) : pack_f16(low, high);
    }
    *reinterpret_cast<uint4*>(to) = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
  }
}

// kWidth elements of a vector of f32 weights, which nobody writes during the launch.
template <int kWidth>
__device__ __forceinline__ void load_weights(const float* weights, int64_t col, float (&values)[kWidth]) {
  if constexpr (kWidth == 1) {
    values[0] = load_readonly(weights + col);
  } else {
    const auto* from = reinterpret_cast<const float4*>(weights + col);
    const float4 low = load_readonly(from), high = load_readonly(from + 1);
    values[0] = low.x, values[1] = low.y, values[2] = low.z, values[3] = low.w;
    values[4] = high.x, values[5] = high.y, values[6] = high.z, values[7] = high.w;
  }
}

// v / (1 + exp(-v)), relative error about 2^-21.
__device__ __forceinline__ float silu(float v) { return v * rcp_approx(1.0f + exp_approx(-v)); }

// The sequence of a row: the largest s with seq_start[s] <= row.
__device__ __forceinline__ int sequence_of(const int32_t* seq_start, int sequences, int row) {
  int low = 0, high = sequences;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (seq_start[middle] <= row) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_COPY_VIEW_CUH_
