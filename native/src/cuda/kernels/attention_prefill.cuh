// Attention of chunks of queries on the tensor cores (mma.sync, compute capability 8.0 and up), 16-bit storage.
//
// A block has 128 or 256 rows of probabilities of each map of one group: a row is a query row and one of the group's
// queries, queries fastest, so that the keys are never repeated whatever their number. Its 8 warps divide the maps and
// then the rows; a warp has kRowTiles * 16 rows, and each fragment of keys or values it loads feeds kRowTiles products.
// Keys come in tiles of 64, rows of the cache or of the chunk as they lie, 16-byte piece c of row r stored at piece
// c ^ (r % 8) of shared memory, where ldmatrix meets no bank twice. Tiles outside the window are never loaded; tiles
// that some row does not see whole have a copy of the code with masks. The two halves of a tile are a loop that must
// not be unrolled: registers.
//
// P is rounded to the storage type before P V, as published; its sum is not.
//
// Bound by the tensor cores: differential, head_dim 64, 768 FLOP a query, key and head pair beside 2 exps: an 8K causal
// prompt of 20 pairs is 0.515 TFLOP, 1.3 ms at 400 TFLOP/s.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_ATTENTION_PREFILL_CUH_
#define SAMBAY_CUDA_KERNELS_ATTENTION_PREFILL_CUH_

#include "cuda/kernels/attention_pairs.cuh"
#include "cuda/kernels/attention_params.cuh"

namespace sambay::cuda::attend {

template <int kMaps, int kHeadDim, int kRowTiles>
struct PrefillShape {
  static constexpr int kThreads = 256;
  static constexpr int kTile = 64;
  static constexpr int kWidth = kMaps * kHeadDim;
  static constexpr int kWarpRows = 16 * kRowTiles;
  static constexpr int kWarpsPerMap = kThreads / 32 / kMaps;
  static constexpr int kRows = kWarpsPerMap * kWarpRows;   // of probabilities, of a map
  static constexpr int kMatrixBytes = kTile * kWidth * 2;  // the tile's keys, or its values
  static constexpr int kStages = 2;
  __device__ static constexpr int stage_of(int tile) { return tile % kStages * 2 * kMatrixBytes; }
  static constexpr int kRowsAt = kStages * 2 * kMatrixBytes;  // PrefillRows
  static constexpr int kSharedBytes = kRowsAt + 64;
  // In the end the second map's results pass through the same memory.
  static_assert(kMaps == 1 || kRows * kWidth * 4 <= kRowsAt);
};

template <class T>
__device__ __forceinline__ void mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
template <>
__device__ __forceinline__ void mma<bf16>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const uint32_t b[2] = {b0, b1};
  mma_bf16_16x8x16(d, a, b);
}
template <>
__device__ __forceinline__ void mma<f16>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const uint32_t b[2] = {b0, b1};
  mma_f16_16x8x16(d, a, b);
}

// The rows of one warp. A lane has, of every 16 rows, rows lane / 4 and lane / 4 + 8, each shared with the three lanes
// beside it.
template <class T, int kMaps, int kHeadDim, int kRowTiles>
struct PrefillWarp {
  using Shape = PrefillShape<kMaps, kHeadDim, kRowTiles>;
  static constexpr int kWidth = Shape::kWidth;

  uint32_t q[kRowTiles][kHeadDim / 16][4];
  int32_t position[kRowTiles][2];
  float top[kRowTiles][2], total[kRowTiles][2];  // the lane's part of the total
  float sums[kRowTiles][kWidth / 8][4];

  // Against 64 keys from `first_key` on, which lie at `keys`, their values at `values`. kMasked: not every row sees
  // all.
  template <bool kMasked>
  __device__ __forceinline__ void attend(const unsigned char* keys, const unsigned char* values, int32_t first_key,
                                         int32_t window, float scale, int map) {
    constexpr int kRowBytes = kWidth * 2;
    // The lane's row of four 8x8 matrices: of keys (8 keys, 8 columns), (same keys, next columns), (next keys, ..); of
    // values in the other order. Pieces 2k and 2k + 1 of a row lie where pieces 0 and 1 do, but for the bits of 32 k.
    const int lane = lane_index(), matrix = lane / 8, row = lane % 8;
    const int key_lane = (matrix / 2 * 8 + row) * kRowBytes + map * (kHeadDim * 2) + (matrix % 2 ^ row) * 16;
    const int value_lane = (matrix % 2 * 8 + row) * kRowBytes + (matrix / 2 ^ row) * 16;
#pragma unroll 1
    for (int half = 0; half < 2; ++half) {
      float scores[kRowTiles][4][4];
#pragma unroll
      for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
        for (int n = 0; n < 4; ++n) scores[r][n][0] = scores[r][n][1] = scores[r][n][2] = scores[r][n][3] = 0;
      }
#pragma unroll
      for (int k = 0; k < kHeadDim / 16; ++k) {
#pragma unroll
        for (int n = 0; n < 4; n += 2) {
          uint32_t b[4];
          ldmatrix_x4(b, keys + (half * 32 + n * 8) * kRowBytes + (key_lane ^ (k * 32)));
#pragma unroll
          for (int r = 0; r < kRowTiles; ++r) {
            mma<T>(scores[r][n], q[r][k], b[0], b[1]);
            mma<T>(scores[r][n + 1], q[r][k], b[2], b[3]);
          }
        }
      }

      uint32_t p[kRowTiles][2][4];
      bool rose = false;
      float now[kRowTiles][2];
#pragma unroll
      for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          float highest = -INFINITY;
#pragma unroll
          for (int n = 0; n < 4; ++n) {
#pragma unroll
            for (int e = 0; e < 2; ++e) {
              float& score = scores[r][n][2 * h + e];
              if constexpr (kMasked) {
                const int32_t key = first_key + half * 32 + n * 8 + lane % 4 * 2 + e, at = position[r][h];
                if (key > at || (window != 0 && key <= at - window)) score = -INFINITY;
              }
              highest = max(highest, score);
            }
          }
          now[r][h] = max(top[r][h], warp_max<4>(highest) * scale);
          rose = rose || now[r][h] > top[r][h];
        }
      }
      if (any(rose)) {
#pragma unroll
        for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            const float kept = exp2_approx(top[r][h] - now[r][h]);
            top[r][h] = now[r][h];
            total[r][h] *= kept;
#pragma unroll
            for (int n = 0; n < kWidth / 8; ++n) sums[r][n][2 * h] *= kept, sums[r][n][2 * h + 1] *= kept;
          }
        }
      }
#pragma unroll
      for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
        for (int n = 0; n < 4; ++n) {
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            const float first = exp2_approx(fmaf(scores[r][n][2 * h], scale, -top[r][h]));
            const float second = exp2_approx(fmaf(scores[r][n][2 * h + 1], scale, -top[r][h]));
            total[r][h] += first + second;
            p[r][n / 2][n % 2 * 2 + h] = pack<T>(first, second);
          }
        }
      }

#pragma unroll
      for (int k = 0; k < 2; ++k) {
#pragma unroll
        for (int n = 0; n < kWidth / 8; n += 2) {
          uint32_t b[4];
          ldmatrix_x4_trans(b, values + (half * 32 + k * 16) * kRowBytes + (value_lane ^ (n * 16)));
#pragma unroll
          for (int r = 0; r < kRowTiles; ++r) {
            mma<T>(sums[r][n], p[r][k], b[0], b[1]);
            mma<T>(sums[r][n + 1], p[r][k], b[2], b[3]);
          }
        }
      }
    }
  }
};

// The query rows of a block. Kept in shared memory: in the loop a register is dear, and these are looked at once a
// tile.
struct PrefillRows {
  int32_t sequence;
  int32_t begin, first_own;         // the sequence's first row, and its position
  int32_t first, count;             // of the block
  int32_t position, last_position;  // of its first and last row
  int32_t first_key, all_see_from;  // what the first row sees, what the last row and so all of them see
};

// The block's rows of all the sequences that are this launch's. The last rows of a sequence have the most keys and come
// first.
__device__ __forceinline__ PrefillRows find_rows(const AttentionParams& p, int32_t rows_per_block) {
  PrefillRows at{};
  int32_t block = static_cast<int32_t>(gridDim.x - 1 - blockIdx.x);
  for (;; ++at.sequence) {
    const int32_t rows = p.seq_start[at.sequence + 1] - p.seq_start[at.sequence];
    if (rows < p.fewest_rows || rows > p.most_rows) continue;
    const int32_t blocks = (rows + rows_per_block - 1) / rows_per_block;
    if (block < blocks) break;
    block -= blocks;
  }
  at.begin = p.seq_start[at.sequence];
  at.first_own = p.position[at.sequence];
  at.first = at.begin + block * rows_per_block;
  at.count = min(rows_per_block, p.seq_start[at.sequence + 1] - at.first);
  at.position = at.first_own + at.first - at.begin;
  at.last_position = at.position + at.count - 1;
  at.first_key = first_seen(p, at.position);
  at.all_see_from = first_seen(p, at.last_position);
  return at;
}

// Starts the copies of a tile's keys and values. Each warp has 8 rows, found by its first 8 lanes.
template <class Shape>
__device__ __forceinline__ void fetch_tile(const AttentionParams& p, const PrefillRows& rows, int32_t tile) {
  constexpr int kRowBytes = Shape::kWidth * 2, kPieces = kRowBytes / 16;
  constexpr int kRowsAtOnce = 32 / kPieces, kPasses = 8 / kRowsAtOnce, kRowsOfAllWarps = 8 * kRowsAtOnce;
  const int lane = lane_index(), first_of_warp = warp_index() * kRowsAtOnce;
  const int32_t mine =
      tile * Shape::kTile + lane % 8 / kRowsAtOnce * kRowsOfAllWarps + first_of_warp + lane % kRowsAtOnce;
  const int32_t found = mine >= rows.first_key && mine <= rows.last_position
                            ? find_key(p, rows.sequence, rows.begin, rows.first_own, mine)
                            : kNowhere;
  unsigned char* const to = shared_at<unsigned char>(Shape::stage_of(tile));
#pragma unroll
  for (int pass = 0; pass < kPasses; ++pass) {
    const int32_t place = shfl(found, pass * kRowsAtOnce + lane / kPieces);
    const bool own = place < 0, there = place != kNowhere;
    const int row = pass * kRowsOfAllWarps + first_of_warp + lane / kPieces, piece = lane % kPieces;
    const int64_t at = own ? ~place : place, column = static_cast<int64_t>(blockIdx.y) * Shape::kWidth + piece * 8;
    const View &keys = own ? p.own_keys : p.cached_keys, &values = own ? p.own_values : p.cached_values;
    const unsigned char* key = at_16_bits(keys, at, column);
    const unsigned char* value = at_16_bits(values, at, column);
    if (!there) key = value = p.q.data;  // an address that is not read
    unsigned char* target = to + row * kRowBytes + (piece ^ (row % 8)) * 16;
    cp_async_16_if(target, key, there);
    cp_async_16_if(target + Shape::kMatrixBytes, value, there);
  }
}

// Grid [blocks of query rows of all sequences that are this launch's, groups]. A block has kRows / queries query rows.
template <class T, int kMaps, int kHeadDim, int kRowTiles>
__global__ void __launch_bounds__(256, 1) attention_prefill(const __grid_constant__ AttentionParams p) {
  using Shape = PrefillShape<kMaps, kHeadDim, kRowTiles>;
  constexpr int kWidth = Shape::kWidth, kTile = Shape::kTile;
  grid_dependency_wait();

  PrefillRows& rows = *shared_at<PrefillRows>(Shape::kRowsAt);
  if (thread_index() == 0) rows = find_rows(p, Shape::kRows / p.queries);
  __syncthreads();
  const int32_t from_tile = rows.first_key / kTile, end_tile = rows.last_position / kTile + 1;
  fetch_tile<Shape>(p, rows, from_tile);
  cp_async_commit();

  const int warp = warp_index(), lane = lane_index();
  const int map = warp / Shape::kWarpsPerMap, block_of_rows = warp % Shape::kWarpsPerMap;
  const int first_of_warp = block_of_rows * Shape::kWarpRows;
  const int64_t first_query = static_cast<int64_t>(blockIdx.y) * p.queries;

  PrefillWarp<T, kMaps, kHeadDim, kRowTiles> work;
#pragma unroll
  for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int i = first_of_warp + r * 16 + h * 8 + lane / 4;
      const int32_t row = i / p.queries, query = i % p.queries;
      const bool there = row < rows.count;  // a row beyond computes like the last one, from zeros, and is not stored
      work.position[r][h] = there ? rows.position + row : rows.last_position;
      work.top[r][h] = -1e30f;  // not -infinity, which has no difference from itself
      work.total[r][h] = 0;
      const unsigned char* from = at_16_bits(p.q, rows.first + (there ? row : 0),
                                             (first_query + query) * kWidth + map * kHeadDim + lane % 4 * 2);
#pragma unroll
      for (int k = 0; k < kHeadDim / 16; ++k) {
        work.q[r][k][h] = there ? load_readonly(reinterpret_cast<const uint32_t*>(from + k * 32)) : 0;
        work.q[r][k][2 + h] = there ? load_readonly(reinterpret_cast<const uint32_t*>(from + k * 32 + 16)) : 0;
      }
    }
#pragma unroll
    for (int n = 0; n < kWidth / 8; ++n) {
      work.sums[r][n][0] = work.sums[r][n][1] = work.sums[r][n][2] = work.sums[r][n][3] = 0;
    }
  }

  const float scale = p.scale * kLog2E;
  for (int32_t tile = from_tile; tile < end_tile; ++tile) {
    if (tile + 1 < end_tile) fetch_tile<Shape>(p, rows, tile + 1);
    cp_async_commit();
    cp_async_wait<1>();
    __syncthreads();
    const unsigned char* keys = shared_at<unsigned char>(Shape::stage_of(tile));
    const unsigned char* values = keys + Shape::kMatrixBytes;
    const int32_t first_key = tile * kTile;
    const bool whole = first_key + kTile - 1 <= rows.position && first_key >= rows.all_see_from;
    if (whole) {
      work.template attend<false>(keys, values, first_key, p.window, scale, map);
    } else {
      work.template attend<true>(keys, values, first_key, p.window, scale, map);
    }
    __syncthreads();  // before the next copies overwrite this tile
  }
  cp_async_wait_all();
  grid_dependency_launch();

  float factor[kRowTiles][2];
#pragma unroll
  for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
    for (int h = 0; h < 2; ++h) factor[r][h] = 1 / warp_sum<4>(work.total[r][h]);
  }
  if constexpr (kMaps == 2) {
    // The second map's warps hand lambda * A2 to the first map's, number by number as a lane holds them.
    float* place = shared_at<float>(0) + block_of_rows * (Shape::kWarpRows * kWidth) + lane;
    if (map == 1) {
#pragma unroll
      for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
        for (int n = 0; n < kWidth / 8; ++n) {
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            place[((r * (kWidth / 8) + n) * 4 + e) * 32] = p.lambda * (work.sums[r][n][e] * factor[r][e / 2]);
          }
        }
      }
    }
    __syncthreads();
    if (map == 1) return;
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r) {
      float square[2] = {};
#pragma unroll
      for (int n = 0; n < kWidth / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          float& sum = work.sums[r][n][e];
          sum = sum * factor[r][e / 2] - place[((r * (kWidth / 8) + n) * 4 + e) * 32];
          square[e / 2] += sum * sum;
        }
      }
#pragma unroll
      for (int h = 0; h < 2; ++h) factor[r][h] = p.out_scale / sqrtf(warp_sum<4>(square[h]) / kWidth + p.eps);
    }
  }
#pragma unroll
  for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int i = first_of_warp + r * 16 + h * 8 + lane / 4;
      const int32_t row = i / p.queries, query = i % p.queries;
      if (row >= rows.count) continue;
      unsigned char* to =
          p.y.data + (rows.first + row) * p.y.row_bytes + ((first_query + query) * kWidth + lane % 4 * 2) * 2;
#pragma unroll
      for (int n = 0; n < kWidth / 8; ++n) {
        float a = work.sums[r][n][2 * h] * factor[r][h], b = work.sums[r][n][2 * h + 1] * factor[r][h];
        if constexpr (kMaps == 2) {
          const float2 weight = *reinterpret_cast<const float2*>(p.subln_weight + n * 8 + lane % 4 * 2);
          a *= weight.x, b *= weight.y;
        }
        *reinterpret_cast<uint32_t*>(to + n * 16) = pack<T>(a, b);
      }
    }
  }
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_ATTENTION_PREFILL_CUH_
