// Two 16-bit numbers in a register, of a storage type known when a kernel is compiled.
#ifndef SAMBAY_CUDA_KERNELS_ATTENTION_PAIRS_CUH_
#define SAMBAY_CUDA_KERNELS_ATTENTION_PAIRS_CUH_

#include "cuda/simt.h"

namespace sambay::cuda::attend {

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

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_ATTENTION_PAIRS_CUH_
