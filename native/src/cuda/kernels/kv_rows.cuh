// Rows into and out of a cache of keys and values: kv_append and kv_read, converting the storage type.
//
// Bound by bytes: each element once read and once written. A decode step of one layer moves 5 KB a sequence, so there
// it is the launch that counts.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_KV_ROWS_CUH_
#define SAMBAY_CUDA_KERNELS_KV_ROWS_CUH_

#include "cuda/kernels/copy_view.cuh"
#include "cuda/kernels/kv_layout.cuh"

namespace sambay::cuda::attend {

struct KvRowsParams {
  static constexpr bool kWaitsForPrevious = true;

  View rows[2], cache[2];  // of keys and of values
  int64_t columns;
  int32_t in_vectors;    // every row can be read 8 elements at a time
  const int32_t* table;  // [sequences, table_cols]
  int32_t blocks, block_tokens, table_cols;
  // append
  const int32_t* seq_start;  // [sequences + 1]
  const int32_t* position;   // [sequences]
  int32_t sequences;
  // read, of the one sequence whose table is given
  int32_t first;
};

template <int kVector>
__device__ __forceinline__ void copy_vectors(const View& from, int64_t from_row, const View& to, int64_t to_row,
                                             int64_t columns) {
  for (int64_t column = kVector * thread_index(); column < columns; column += kVector * blockDim.x) {
    float values[kVector];
    load(from, from_row, column, values);
    store(to, to_row, column, values);
  }
}

__device__ __forceinline__ void copy_row(const KvRowsParams& p, const View& from, int64_t from_row, const View& to,
                                         int64_t to_row) {
  if (p.in_vectors != 0) {
    copy_vectors<8>(from, from_row, to, to_row, p.columns);
  } else {
    copy_vectors<1>(from, from_row, to, to_row, p.columns);
  }
}

// Grid [rows, keys or values].
__global__ void kv_append_rows(const __grid_constant__ KvRowsParams p) {
  grid_dependency_wait();
  const int32_t row = static_cast<int32_t>(blockIdx.x), which = static_cast<int32_t>(blockIdx.y);
  const int32_t s = sequence_of(p.seq_start, p.sequences, row);
  const int64_t capacity = static_cast<int64_t>(p.block_tokens) * p.table_cols;
  if (row < p.seq_start[s + 1] - capacity) return;  // a later row takes its place
  const int64_t to = cache_row(p.table + static_cast<int64_t>(s) * p.table_cols, p.blocks, p.block_tokens, p.table_cols,
                               p.position[s] + row - p.seq_start[s]);
  if (to >= 0) copy_row(p, p.rows[which], row, p.cache[which], to);
}

// Grid [rows, keys or values].
__global__ void kv_read_rows(const __grid_constant__ KvRowsParams p) {
  grid_dependency_wait();
  const int32_t row = static_cast<int32_t>(blockIdx.x), which = static_cast<int32_t>(blockIdx.y);
  const int64_t from = cache_row(p.table, p.blocks, p.block_tokens, p.table_cols, p.first + row);
  if (from >= 0) copy_row(p, p.cache[which], from, p.rows[which], row);
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_KV_ROWS_CUH_
