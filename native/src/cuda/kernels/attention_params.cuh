// What every attention kernel is given, and where it finds the keys.
//
// A group is what reads the same values: one KV head with its query heads (plain), or one KV pair with its query pairs
// (differential). It has `maps` matrices of probabilities per query, 1 or 2, and its row of keys, as of values, is
// maps * head_dim wide. "Query" below is a query head or a query pair; queries of a group and the values they produce
// lie side by side, so that query i of group g begins at column (g * queries + i) * width of q and of y.
#ifndef SAMBAY_CUDA_KERNELS_ATTENTION_PARAMS_CUH_
#define SAMBAY_CUDA_KERNELS_ATTENTION_PARAMS_CUH_

#include "cuda/kernels/copy_view.cuh"
#include "cuda/kernels/kv_layout.cuh"

namespace sambay::cuda::attend {

struct AttentionParams {
  static constexpr bool kWaitsForPrevious = true;

  const int32_t* seq_start;  // [sequences + 1]
  const int32_t* position;   // [sequences]
  int32_t sequences;

  View q, y;
  View cached_keys, cached_values;  // or null
  View own_keys, own_values;        // the chunk's; null: its keys are in the cache as well
  const int32_t* table;             // [sequences, table_cols]
  int32_t blocks, block_tokens, table_cols;

  int32_t groups, queries, maps, head_dim;
  int32_t window;  // 0: none
  float scale;
  const float* subln_weight;  // [2 * head_dim], differential
  float lambda, out_scale, eps;

  // Which sequences a launch is for, by their number of query rows; others belong to another launch.
  int32_t fewest_rows, most_rows;
  // attention_decode
  int32_t row_slots;     // rows of a sequence the grid provides for
  int32_t query_blocks;  // blocks that share the queries of a group
  int32_t splits;        // the most blocks that share the keys of a row, and how many the grid has
  float* partials;       // [row, group and query block, split] of Partial::kFloats
  uint32_t* counters;    // [row, group and query block]
};

// A key's place: a row of the cache, or ~row of the chunk's own keys, or kNowhere.
constexpr int32_t kNowhere = INT32_MIN;

// `first_own`: position of the sequence's row `begin`, the first of the chunk.
__device__ __forceinline__ int32_t find_key(const AttentionParams& p, int32_t sequence, int32_t begin,
                                            int32_t first_own, int32_t position) {
  if (p.own_keys.data != nullptr && position >= first_own) return ~(begin + position - first_own);
  const int64_t row = cache_row(p.table + static_cast<int64_t>(sequence) * p.table_cols, p.blocks, p.block_tokens,
                                p.table_cols, position);
  return row < 0 ? kNowhere : static_cast<int32_t>(row);
}

// The first position that the query at `position` sees.
__device__ __forceinline__ int32_t first_seen(const AttentionParams& p, int32_t position) {
  return p.window == 0 ? 0 : max(0, position - p.window + 1);
}

__device__ __forceinline__ float element(const View& view, int64_t row, int64_t column) {
  float value[1];
  load(view, row, column, value);
  return value[0];
}
__device__ __forceinline__ void store_element(const View& view, int64_t row, int64_t column, float value) {
  const float values[1] = {value};
  store(view, row, column, values);
}
// Where an element of 16 bits lies.
__device__ __forceinline__ const unsigned char* at_16_bits(const View& view, int64_t row, int64_t column) {
  return view.data + row * view.row_bytes + column * 2;
}

// Of a whole block of kThreads threads, in a fixed order; `place` is shared memory for one number a warp, free again
// after the next barrier.
template <int kThreads>
__device__ __forceinline__ float block_sum(float value, float* place) {
  value = warp_sum(value);
  if (lane_index() == 0) place[warp_index()] = value;
  __syncthreads();
  float sum = place[0];
#pragma unroll
  for (int i = 1; i < kThreads / 32; ++i) sum += place[i];
  return sum;
}
template <int kThreads>
__device__ __forceinline__ float block_max(float value, float* place) {
  value = warp_max(value);
  if (lane_index() == 0) place[warp_index()] = value;
  __syncthreads();
  float top = place[0];
#pragma unroll
  for (int i = 1; i < kThreads / 32; ++i) top = max(top, place[i]);
  return top;
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_ATTENTION_PARAMS_CUH_
