// Weights of the CUDA backend.
#ifndef SAMBAY_CUDA_WEIGHT_H_
#define SAMBAY_CUDA_WEIGHT_H_

#include <cstdint>

#include "api/packed_weight.h"
#include "cuda/kernels/linear_weight.cuh"
#include "cuda/memory.h"
#include "sambay/sambay.h"

namespace sambay::cuda {

struct CudaWeight : sy_weight {
  CudaWeight(const sy_weight& shape, const linear_kernels::PackedWeight& layout, int64_t scales_at)
      : sy_weight(shape), memory(bytes), packed(layout) {
    packed.codes = reinterpret_cast<unsigned char*>(memory.data());
    packed.scales = reinterpret_cast<f16*>(memory.data() + scales_at);
  }

  DeviceMemory memory;
  linear_kernels::PackedWeight packed;
};

// The weight of an operation's arguments, made by this backend.
inline const CudaWeight& cuda_weight(const sy_weight* weight) { return *static_cast<const CudaWeight*>(weight); }

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_WEIGHT_H_
