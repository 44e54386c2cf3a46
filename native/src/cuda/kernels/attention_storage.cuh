// Matrices of any storage type on the device, as the attention and cache kernels read and write them.
#ifndef SAMBAY_CUDA_KERNELS_ATTENTION_STORAGE_CUH_
#define SAMBAY_CUDA_KERNELS_ATTENTION_STORAGE_CUH_

#include "cuda/simt.h"

namespace sambay::cuda::attend {

// The numbers of sy_dtype.
constexpr int32_t kF32 = 0, kF16 = 1, kBF16 = 2;

__device__ __forceinline__ int64_t element_bytes(int32_t dtype) { return dtype == kF32 ? 4 : 2; }

// A sy_tensor without its shape.
struct Matrix {
  unsigned char* data;  // or null
  int64_t stride;       // elements
  int32_t dtype;
};

__device__ __forceinline__ unsigned char* address(const Matrix& matrix, int64_t row, int64_t column) {
  return matrix.data + (row * matrix.stride + column) * element_bytes(matrix.dtype);
}

__device__ __forceinline__ float load_element(const unsigned char* from, int32_t dtype) {
  if (dtype == kF32) return *reinterpret_cast<const float*>(from);
  const uint16_t bits = *reinterpret_cast<const uint16_t*>(from);
  return dtype == kF16 ? to_float(f16{bits}) : to_float(bf16{bits});
}

__device__ __forceinline__ void store_element(unsigned char* to, int32_t dtype, float value) {
  if (dtype == kF32) {
    *reinterpret_cast<float*>(to) = value;
  } else {
    *reinterpret_cast<uint16_t*>(to) = dtype == kF16 ? from_float<f16>(value).bits : from_float<bf16>(value).bits;
  }
}

// The two numbers of a register of T.
template <class T>
__device__ __forceinline__ float low(uint32_t pair);
template <>
__device__ __forceinline__ float low<bf16>(uint32_t pair) {
  return low_bf16(pair);
}
template <>
__device__ __forceinline__ float low<f16>(uint32_t pair) {
  return low_f16(pair);
}
template <class T>
__device__ __forceinline__ float high(uint32_t pair);
template <>
__device__ __forceinline__ float high<bf16>(uint32_t pair) {
  return high_bf16(pair);
}
template <>
__device__ __forceinline__ float high<f16>(uint32_t pair) {
  return high_f16(pair);
}
template <class T>
__device__ __forceinline__ uint32_t pack(float first, float second);
template <>
__device__ __forceinline__ uint32_t pack<bf16>(float first, float second) {
  return pack_bf16(first, second);
}
template <>
__device__ __forceinline__ uint32_t pack<f16>(float first, float second) {
  return pack_f16(first, second);
}

template <class T>
__device__ __forceinline__ void widen(float (&to)[8], const uint4& from) {
  to[0] = low<T>(from.x), to[1] = high<T>(from.x), to[2] = low<T>(from.y), to[3] = high<T>(from.y);
  to[4] = low<T>(from.z), to[5] = high<T>(from.z), to[6] = low<T>(from.w), to[7] = high<T>(from.w);
}

// Eight consecutive elements, 16-byte aligned.
__device__ __forceinline__ void load_eight(float (&to)[8], const unsigned char* from, int32_t dtype) {
  const uint4 first = *reinterpret_cast<const uint4*>(from);
  if (dtype == kBF16) return widen<bf16>(to, first);
  if (dtype == kF16) return widen<f16>(to, first);
  const uint4 second = *reinterpret_cast<const uint4*>(from + 16);
  to[0] = bit_cast<float>(first.x), to[1] = bit_cast<float>(first.y);
  to[2] = bit_cast<float>(first.z), to[3] = bit_cast<float>(first.w);
  to[4] = bit_cast<float>(second.x), to[5] = bit_cast<float>(second.y);
  to[6] = bit_cast<float>(second.z), to[7] = bit_cast<float>(second.w);
}

template <class T>
__device__ __forceinline__ uint4 narrow(const float (&v)[8]) {
  return make_uint4(pack<T>(v[0], v[1]), pack<T>(v[2], v[3]), pack<T>(v[4], v[5]), pack<T>(v[6], v[7]));
}

__device__ __forceinline__ void store_eight(unsigned char* to, int32_t dtype, const float (&v)[8]) {
  if (dtype == kF32) {
    reinterpret_cast<float4*>(to)[0] = make_float4(v[0], v[1], v[2], v[3]);
    reinterpret_cast<float4*>(to)[1] = make_float4(v[4], v[5], v[6], v[7]);
  } else {
    *reinterpret_cast<uint4*>(to) = dtype == kF16 ? narrow<f16>(v) : narrow<bf16>(v);
  }
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_ATTENTION_STORAGE_CUH_
