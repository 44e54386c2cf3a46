// Matrices of sambay.h as kernels take them.
#ifndef SAMBAY_CUDA_VIEWS_H_
#define SAMBAY_CUDA_VIEWS_H_

#include <cstdint>

#include "cuda/kernels/copy_view.cuh"
#include "cuda/runtime.h"
#include "sambay/sambay.h"

namespace sambay::cuda {

inline int64_t bytes_of(sy_dtype dtype) { return dtype == SY_F32 ? 4 : 2; }

inline View view_of(const sy_tensor& tensor) {
  return {static_cast<unsigned char*>(tensor.data), tensor.stride * bytes_of(tensor.dtype), tensor.dtype};
}
inline View view_of(const sy_tensor* tensor) { return tensor == nullptr ? View{} : view_of(*tensor); }

inline float* floats_of(const sy_tensor* tensor) {
  return tensor == nullptr ? nullptr : static_cast<float*>(tensor->data);
}

inline bool aligned_16(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

// Every row of the tensor can be read in whole vectors of 8 elements at multiples of 16 bytes. Absent tensors can.
inline bool in_vectors(const sy_tensor* tensor) {
  return tensor == nullptr || (tensor->cols % 8 == 0 && aligned_16(tensor->data) &&
                               (tensor->rows == 1 || tensor->stride * bytes_of(tensor->dtype) % 16 == 0));
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_VIEWS_H_
