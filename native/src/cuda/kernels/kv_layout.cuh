// Where a position lies in the cache.
#ifndef SAMBAY_CUDA_KERNELS_KV_LAYOUT_CUH_
#define SAMBAY_CUDA_KERNELS_KV_LAYOUT_CUH_

#include "cuda/simt.h"

namespace sambay::cuda::attend {

// The row of the cache that holds a position; -1 where the table names no block of the cache. That is never so for a
// position that is attended to; a row must not be looked for outside of the cache all the same.
__device__ __forceinline__ int64_t cache_row(const int32_t* table, int32_t blocks, int32_t block_tokens,
                                             int32_t table_cols, int32_t position) {
  const int32_t block = table[position / block_tokens % table_cols];
  if (block < 0 || block >= blocks) return -1;
  return static_cast<int64_t>(block) * block_tokens + position % block_tokens;
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_KV_LAYOUT_CUH_
