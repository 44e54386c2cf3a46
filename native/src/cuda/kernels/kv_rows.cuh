// Rows into and out of a cache of keys and values: kv_append and kv_read, converting the storage type.
//
// Bound by bytes: each element once read and once written. A decode step of one layer moves 5 KB a sequence, so there
// it is the launch that counts.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_KV_ROWS_CUH_
#define SAMBAY_CUDA_KERNELS_KV_ROWS_CUH_

#include "cuda/kernels/attention_storage.cuh"
#include "cuda/kernels/kv_layout.cuh"

namespace sambay::cuda::attend {

struct KvRowsParams {
  Matrix rows[2], cache[2];  // of keys and of values
  int64_t columns;
  int32_t by_eight;      // all rows are 16-byte aligned and `columns` is a multiple of 8
  const int32_t* table;  // [sequences, table_cols]
  int32_t blocks, block_tokens, table_cols;
  // append
  const int32_t* seq_start;  // [sequences + 1]
  const int32_t* position;   // [sequences]
  int32_t sequences;
  // read, of the one sequence whose table is given
  int32_t first;
};

__device__ __forceinline__ void copy_row(const Matrix& from, int64_t from_row, const Matrix& to, int64_t to_row,
                                         const KvRowsParams& p) {
  const int thread = thread_index(), threads = static_cast<int>(blockDim.x);
  if (p.by_eight != 0) {
    for (int64_t column = 8 * thread; column < p.columns; column += 8 * threads) {
      float values[8];
      load_eight(values, address(from, from_row, column), from.dtype);
      store_eight(address(to, to_row, column), to.dtype, values);
    }
  } else {
    for (int64_t column = thread; column < p.columns; column += threads) {
      const float value = load_element(address(from, from_row, column), from.dtype);
      store_element(address(to, to_row, column), to.dtype, value);
    }
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
  if (to >= 0) copy_row(p.rows[which], row, p.cache[which], to, p);
}

// Grid [rows, keys or values].
__global__ void kv_read_rows(const __grid_constant__ KvRowsParams p) {
  grid_dependency_wait();
  const int32_t row = static_cast<int32_t>(blockIdx.x), which = static_cast<int32_t>(blockIdx.y);
  const int64_t from = cache_row(p.table, p.blocks, p.block_tokens, p.table_cols, p.first + row);
  if (from >= 0) copy_row(p.cache[which], from, p.rows[which], row, p);
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_KV_ROWS_CUH_
