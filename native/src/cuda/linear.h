// What a test or a benchmark asks of linear beyond ops.h.
#ifndef SAMBAY_CUDA_LINEAR_H_
#define SAMBAY_CUDA_LINEAR_H_

#include "cuda/queue.h"
#include "sambay/sambay.h"

namespace sambay::cuda {

// linear, by the kernel of linear_warpgroup.cuh wherever it fits, for any number of rows of x.
void linear_by_warpgroups(Queue& queue, const sy_linear_args& args);

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_LINEAR_H_
