// Where rows lie: a position in the cache, a row of the batch in its sequence.
#ifndef SAMBAY_CUDA_KERNELS_KV_LAYOUT_CUH_
#define SAMBAY_CUDA_KERNELS_KV_LAYOUT_CUH_

#include "cuda/simt.h"

namespace sambay::cuda::attend {

// The row of the cache that holds a position; -1 where the table names no block of the cache. That can only be in a
// graph whose table was changed since it was checked, and must not reach beyond the cache even then.
__device__ __forceinline__ int64_t cache_row(const int32_t* table, int32_t blocks, int32_t block_tokens,
                                             int32_t table_cols, int32_t position) {
  const int32_t block = table[position / block_tokens % table_cols];
  if (block < 0 || block >= blocks) return -1;
  return static_cast<int64_t>(block) * block_tokens + position % block_tokens;
}

// The sequence that owns a row of the batch.
__device__ __forceinline__ int32_t sequence_of(const int32_t* seq_start, int32_t sequences, int32_t row) {
  int32_t first = 0, end = sequences;  // in [first, end)
  while (end - first > 1) {
    const int32_t middle = (first + end) / 2;
    (seq_start[middle] <= row ? first : end) = middle;
  }
  return first;
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_KV_LAYOUT_CUH_
