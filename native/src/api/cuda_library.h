#ifndef SAMBAY_API_CUDA_LIBRARY_H_
#define SAMBAY_API_CUDA_LIBRARY_H_

#include "sambay/sambay.h"

namespace sambay {

// The CUDA kernels live in a library of their own, which is opened only when somebody asks for a card: a machine
// without one, or without a driver, never touches it.

// See sy_cuda_load. It stays open as long as the process.
void load_cuda_library(const char* path);
// A device on one of its cards. Throws Failure with SY_ERR_UNSUPPORTED before load_cuda_library.
sy_device* make_cuda_device(const char* target);

}  // namespace sambay

#endif  // SAMBAY_API_CUDA_LIBRARY_H_
