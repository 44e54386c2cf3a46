// Differential attention of chunks of queries, head_dim 64, with the products of warpgroups (wgmma, compute capability
// 9.0a).
//
// As attention_prefill, with 128 rows of probabilities of each map: one warpgroup a map, which has two blocks of 64
// rows in its registers, and a third that copies tiles of 64 keys ahead, [first keys | second keys | first values |
// second values], each 64 rows of 128 bytes in the 128-byte swizzle. While one warpgroup exponentiates the other
// multiplies; within one, the values' product of a block of rows and the keys' product of the next stand in the queue
// together.
//
// Bound as attention_prefill; L2 gives 32 KB for 6.3 MFLOP, 3.1 TB/s at 600 TFLOP/s.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_ATTENTION_WARPGROUP_CUH_
#define SAMBAY_CUDA_KERNELS_ATTENTION_WARPGROUP_CUH_

#include "cuda/kernels/attention_pairs.cuh"
#include "cuda/kernels/attention_params.cuh"
#include "cuda/kernels/attention_prefill.cuh"
#include "cuda/wgmma.h"

namespace sambay::cuda::attend {

struct WarpgroupShape {
  static constexpr int kThreads = 384;
  static constexpr int kConsumers = 256;
  static constexpr int kCopyRegisters = 24, kConsumerRegisters = 240;  // per thread
  static_assert((kThreads - kConsumers) * kCopyRegisters + kConsumers * kConsumerRegisters <=
                block_registers(kThreads));
  static constexpr int kTile = 64;
  static constexpr int kWidth = 128;
  static constexpr int kRows = 128;  // of probabilities, of a map
  static constexpr int kBlocks = kRows / 64;
  static constexpr int kMatrixBytes = kTile * 128;  // 64 columns of keys or values
  static constexpr int kStageBytes = 4 * kMatrixBytes;
  static constexpr int kStages = 4;
  static constexpr int kRowsAt = kStages * kStageBytes;   // PrefillRows
  static constexpr int kFullAt = kRowsAt + 64;            // one barrier a stage: its tile has come
  static constexpr int kEmptyAt = kFullAt + 8 * kStages;  // one barrier a stage: its tile has been used
  static constexpr int kSharedBytes = kEmptyAt + 8 * kStages;
  // Copies a thread has under way before it waits for the oldest.
  static constexpr int kAhead = 2;
  // In the end the second map's results pass through the stages.
  static_assert(kRows * kWidth * 4 <= kRowsAt && kAhead < kStages);
};

// The copying warpgroup: 16 rows of a tile a warp.
__device__ __forceinline__ void copy_tiles(const AttentionParams& p, const PrefillRows& rows, uint64_t* full,
                                           uint64_t* empty) {
  using Shape = WarpgroupShape;
  const int lane = lane_index(), first_of_warp = warp_index() % 4 * 16;
  const int piece = lane % 16, half = piece / 8;
  const int64_t column = static_cast<int64_t>(blockIdx.y) * Shape::kWidth + piece * 8;
  const int32_t from_tile = rows.first_key / Shape::kTile;
  const int32_t tiles = rows.last_position / Shape::kTile + 1 - from_tile;
  for (int32_t n = 0; n < tiles + Shape::kAhead; ++n) {
    if (n < tiles) {
      const int stage = n % Shape::kStages;
      if (n >= Shape::kStages) mbarrier_wait(empty + stage, (n / Shape::kStages - 1) & 1);
      const int32_t mine = (from_tile + n) * Shape::kTile + first_of_warp + lane % 16;
      const int32_t found = mine >= rows.first_key && mine <= rows.last_position
                                ? find_key(p, rows.sequence, rows.begin, rows.first_own, mine)
                                : kNowhere;
      unsigned char* const to = shared_at<unsigned char>(stage * Shape::kStageBytes + half * Shape::kMatrixBytes);
#pragma unroll 2
      for (int pass = 0; pass < 8; ++pass) {
        const int row = pass * 2 + lane / 16;
        const int32_t place = shfl(found, row);
        const bool own = place < 0, there = place != kNowhere;
        const int64_t at = own ? ~place : place;
        const View &keys = own ? p.own_keys : p.cached_keys, &values = own ? p.own_values : p.cached_values;
        const unsigned char* key = at_16_bits(keys, at, column);
        const unsigned char* value = at_16_bits(values, at, column);
        if (!there) key = value = p.q.data;  // an address that is not read
        unsigned char* target = to + (first_of_warp + row) * 128 + (piece % 8 ^ row % 8) * 16;
        cp_async_16_if(target, key, there);
        cp_async_16_if(target + 2 * Shape::kMatrixBytes, value, there);
      }
    }
    cp_async_commit();
    if (n >= Shape::kAhead) {
      cp_async_wait<Shape::kAhead>();
      fence_async_shared();
      mbarrier_arrive(full + (n - Shape::kAhead) % Shape::kStages);
    }
  }
  cp_async_wait_all();
}

// One map's warpgroup. A lane has, of every 64 rows, rows 16 * warp + lane / 4 and 8 further.
template <class T>
struct WarpgroupRows {
  using Shape = WarpgroupShape;

  uint32_t q[Shape::kBlocks][4][4];
  uint32_t probabilities[4][4];
  int32_t position[Shape::kBlocks][2];
  float top[Shape::kBlocks][2], total[Shape::kBlocks][2];  // the lane's part of the total
  float sums[Shape::kBlocks][64];

  // Starts the product of block kBlock with a tile's keys, waits for it and for all before it, and takes the softmax.
  template <bool kMasked, int kBlock>
  __device__ __forceinline__ void score(WgmmaOperand keys, int32_t first_key, int32_t window, float scale) {
    float scores[32];
#pragma unroll
    for (int i = 0; i < 32; ++i) scores[i] = 0;
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < 4; ++k) wgmma<T>(scores, q[kBlock][k], keys + k * (32 >> 4));
    wgmma_commit();
    wgmma_wait<0>();
    wgmma_pin(scores);
    wgmma_pin(sums[kBlock]);

    float now[2];
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      float highest = -INFINITY;
#pragma unroll
      for (int n = 0; n < 8; ++n) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float& score = scores[4 * n + 2 * h + e];
          if constexpr (kMasked) {
            const int32_t key = first_key + n * 8 + lane_index() % 4 * 2 + e, at = position[kBlock][h];
            if (key > at || (window != 0 && key <= at - window)) score = -INFINITY;
          }
          highest = max(highest, score);
        }
      }
      now[h] = max(top[kBlock][h], warp_max<4>(highest) * scale);
    }
    if (any(now[0] > top[kBlock][0] || now[1] > top[kBlock][1])) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const float kept = exp2_approx(top[kBlock][h] - now[h]);
        top[kBlock][h] = now[h];
        total[kBlock][h] *= kept;
#pragma unroll
        for (int n = 0; n < 16; ++n) sums[kBlock][4 * n + 2 * h] *= kept, sums[kBlock][4 * n + 2 * h + 1] *= kept;
      }
    }
#pragma unroll
    for (int n = 0; n < 8; ++n) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const float first = exp2_approx(fmaf(scores[4 * n + 2 * h], scale, -top[kBlock][h]));
        const float second = exp2_approx(fmaf(scores[4 * n + 2 * h + 1], scale, -top[kBlock][h]));
        total[kBlock][h] += first + second;
        probabilities[n / 2][n % 2 * 2 + h] = pack<T>(first, second);
      }
    }
  }

  // Starts the product with the tile's values.
  template <int kBlock>
  __device__ __forceinline__ void add_values(WgmmaOperand values) {
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < 4; ++k) wgmma<T, true>(sums[kBlock], probabilities[k], values + k * (2048 >> 4));
    wgmma_commit();
  }
};

// Grid as attention_prefill.
template <class T>
__global__ void __launch_bounds__(384, 1) attention_warpgroup(const __grid_constant__ AttentionParams p) {
  using Shape = WarpgroupShape;
  constexpr int kTile = Shape::kTile, kWidth = Shape::kWidth, kBlocks = Shape::kBlocks;
  grid_dependency_wait();

  PrefillRows& rows = *shared_at<PrefillRows>(Shape::kRowsAt);
  uint64_t* const full = shared_at<uint64_t>(Shape::kFullAt);
  uint64_t* const empty = shared_at<uint64_t>(Shape::kEmptyAt);
  if (thread_index() == 0) {
    rows = find_rows(p, Shape::kRows / p.queries);
    for (int stage = 0; stage < Shape::kStages; ++stage) {
      mbarrier_init(full + stage, Shape::kThreads - Shape::kConsumers);
      mbarrier_init(empty + stage, Shape::kConsumers / 32);
    }
    mbarrier_init_fence();
  }
  __syncthreads();

  const int warpgroup = warp_index() / 4, lane = lane_index();
  if (warpgroup == 2) {
    registers_give_back<Shape::kCopyRegisters>();
    copy_tiles(p, rows, full, empty);
    return;
  }
  registers_take<Shape::kConsumerRegisters>();

  const int map = warpgroup;
  const int64_t first_query = static_cast<int64_t>(blockIdx.y) * p.queries;
  const int first_of_lane = warp_index() % 4 * 16 + lane / 4;
  WarpgroupRows<T> work;
#pragma unroll
  for (int b = 0; b < kBlocks; ++b) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int i = b * 64 + first_of_lane + h * 8;
      const int32_t row = i / p.queries, query = i % p.queries;
      const bool there = row < rows.count;  // a row beyond computes like the last one, from zeros, and is not stored
      work.position[b][h] = there ? rows.position + row : rows.last_position;
      work.top[b][h] = -1e30f;  // not -infinity, which has no difference from itself
      work.total[b][h] = 0;
      const unsigned char* from =
          at_16_bits(p.q, rows.first + (there ? row : 0), (first_query + query) * kWidth + map * 64 + lane % 4 * 2);
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        work.q[b][k][h] = there ? load_readonly(reinterpret_cast<const uint32_t*>(from + k * 32)) : 0;
        work.q[b][k][2 + h] = there ? load_readonly(reinterpret_cast<const uint32_t*>(from + k * 32 + 16)) : 0;
      }
    }
#pragma unroll
    for (int i = 0; i < 64; ++i) work.sums[b][i] = 0;
  }

  const float scale = p.scale * kLog2E;
  const int32_t from_tile = rows.first_key / kTile;
  const int32_t tiles = rows.last_position / kTile + 1 - from_tile;
  for (int32_t n = 0; n < tiles; ++n) {
    const int stage = n % Shape::kStages;
    const unsigned char* tile = shared_at<unsigned char>(stage * Shape::kStageBytes);
    const WgmmaOperand keys = wgmma_operand(tile + map * Shape::kMatrixBytes, 1024);
    const WgmmaOperand values = wgmma_operand(tile + 2 * Shape::kMatrixBytes, 1024, Shape::kMatrixBytes);
    mbarrier_wait(full + stage, n / Shape::kStages & 1);
    const int32_t first_key = (from_tile + n) * kTile;
    const bool whole = first_key + kTile - 1 <= rows.position && first_key >= rows.all_see_from;
    if (whole) {
      work.template score<false, 0>(keys, first_key, p.window, scale);
    } else {
      work.template score<true, 0>(keys, first_key, p.window, scale);
    }
    // All products of the tile before have ended.
    if (n > 0 && lane == 0) mbarrier_arrive(empty + (n - 1) % Shape::kStages);
    work.template add_values<0>(values);
    if (whole) {
      work.template score<false, 1>(keys, first_key, p.window, scale);
    } else {
      work.template score<true, 1>(keys, first_key, p.window, scale);
    }
    work.template add_values<1>(values);
  }
  wgmma_wait<0>();
#pragma unroll
  for (int b = 0; b < kBlocks; ++b) wgmma_pin(work.sums[b]);
  grid_dependency_launch();

  float factor[kBlocks][2];
#pragma unroll
  for (int b = 0; b < kBlocks; ++b) {
#pragma unroll
    for (int h = 0; h < 2; ++h) factor[b][h] = 1 / warp_sum<4>(work.total[b][h]);
  }
  // The second map's warpgroup hands lambda * A2 to the first map's, number by number as a thread holds them, through
  // the stages, which neither reads any more then.
  constexpr int kBothMaps = 1;
  float* place = shared_at<float>(0) + thread_index() % 128;
  barrier_sync(kBothMaps, Shape::kConsumers);
  if (map == 1) {
#pragma unroll
    for (int b = 0; b < kBlocks; ++b) {
#pragma unroll
      for (int i = 0; i < 64; ++i) place[(b * 64 + i) * 128] = p.lambda * (work.sums[b][i] * factor[b][i % 4 / 2]);
    }
  }
  barrier_sync(kBothMaps, Shape::kConsumers);
  if (map == 1) return;
#pragma unroll
  for (int b = 0; b < kBlocks; ++b) {
    float square[2] = {};
#pragma unroll
    for (int i = 0; i < 64; ++i) {
      float& sum = work.sums[b][i];
      sum = sum * factor[b][i % 4 / 2] - place[(b * 64 + i) * 128];
      square[i % 4 / 2] += sum * sum;
    }
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const float norm = p.out_scale / sqrtf(warp_sum<4>(square[h]) / kWidth + p.eps);
      const int i = b * 64 + first_of_lane + h * 8;
      const int32_t row = i / p.queries, query = i % p.queries;
      if (row >= rows.count) continue;
      unsigned char* to =
          p.y.data + (rows.first + row) * p.y.row_bytes + ((first_query + query) * kWidth + lane % 4 * 2) * 2;
#pragma unroll
      for (int n = 0; n < 16; ++n) {
        const float2 weight = *reinterpret_cast<const float2*>(p.subln_weight + n * 8 + lane % 4 * 2);
        const float first = work.sums[b][4 * n + 2 * h] * norm * weight.x;
        const float second = work.sums[b][4 * n + 2 * h + 1] * norm * weight.y;
        *reinterpret_cast<uint32_t*>(to + n * 16) = pack<T>(first, second);
      }
    }
  }
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_ATTENTION_WARPGROUP_CUH_
