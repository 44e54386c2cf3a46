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
  static constexpr int kSharedBytes = kStages * 2 * kMatrixBytes;
  // In the end the second map's results pass through the same memory.
  static_assert(kMaps == 1 || kRows * kWidth * 4 <= kSharedBytes);
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
    const int lane = lane_index(), matrix = lane / 8, row_of_matrix = lane % 8;
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
          const int key = half * 32 + n * 8 + matrix / 2 * 8 + row_of_matrix;
          const int piece = (map * (kHeadDim / 8) + k * 2 + matrix % 2) ^ row_of_matrix;
          uint32_t b[4];
          ldmatrix_x4(b, keys + key * (kWidth * 2) + piece * 16);
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
        const int key = half * 32 + k * 16 + matrix % 2 * 8 + row_of_matrix;
        const unsigned char* row = values + key * (kWidth * 2);
#pragma unroll
        for (int n = 0; n < kWidth / 8; n += 2) {
          uint32_t b[4];
          ldmatrix_x4_trans(b, row + ((n + matrix / 2) ^ row_of_matrix) * 16);
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

// Grid [tiles of query rows of all sequences that are this launch's, groups]. A tile has kRows / queries query rows.
template <class T, int kMaps, int kHeadDim, int kRowTiles>
__global__ void __launch_bounds__(256, 1) attention_prefill(const __grid_constant__ AttentionParams p) {
  using Shape = PrefillShape<kMaps, kHeadDim, kRowTiles>;
  constexpr int kWidth = Shape::kWidth, kTile = Shape::kTile;
  grid_dependency_wait();

  // Which rows. The last tiles of a sequence have the most keys and come first.
  const int32_t group = static_cast<int32_t>(blockIdx.y);
  const int32_t rows_per_tile = Shape::kRows / p.queries;
  int32_t tile_of_rows = static_cast<int32_t>(gridDim.x - 1 - blockIdx.x), s = 0;
  for (;; ++s) {
    const int32_t rows = p.seq_start[s + 1] - p.seq_start[s];
    if (rows < p.fewest_rows || rows > p.most_rows) continue;
    const int32_t tiles = (rows + rows_per_tile - 1) / rows_per_tile;
    if (tile_of_rows < tiles) break;
    tile_of_rows -= tiles;
  }
  const int32_t begin = p.seq_start[s], first_own = p.position[s];
  const int32_t first_row = begin + tile_of_rows * rows_per_tile;
  const int32_t rows = min(rows_per_tile, p.seq_start[s + 1] - first_row);
  const int32_t first_position = first_own + first_row - begin, last_position = first_position + rows - 1;
  const int32_t first = first_seen(p, first_position);
  const int32_t from_tile = first / kTile, end_tile = last_position / kTile + 1;
  const int64_t kv_column = static_cast<int64_t>(group) * kWidth;

  const int warp = warp_index(), lane = lane_index();
  const int map = warp / Shape::kWarpsPerMap, block_of_rows = warp % Shape::kWarpsPerMap;
  const int first_of_warp = block_of_rows * Shape::kWarpRows;

  // A tile's keys and values: 8 rows a warp, found by its first 8 lanes.
  constexpr int kPieces = kWidth / 8, kRowsAtOnce = 32 / kPieces, kPasses = 8 / kRowsAtOnce;
  const auto fetch = [&](int32_t tile) {
    unsigned char* to = shared_at<unsigned char>((tile - from_tile) % Shape::kStages * 2 * Shape::kMatrixBytes);
    const int row_of_mine = lane % 8 / kRowsAtOnce * (8 * kRowsAtOnce) + warp * kRowsAtOnce + lane % kRowsAtOnce;
    const int32_t mine = tile * kTile + row_of_mine;
    const int32_t found = mine >= first && mine <= last_position ? find_key(p, s, begin, first_own, mine) : kNowhere;
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      const int32_t place = shfl(found, pass * kRowsAtOnce + lane / kPieces);
      const bool own = place < 0, there = place != kNowhere;
      const int row = pass * (8 * kRowsAtOnce) + warp * kRowsAtOnce + lane / kPieces, piece = lane % kPieces;
      const int64_t at = own ? ~place : place, column = kv_column + piece * 8;
      const Matrix &keys = own ? p.own_keys : p.cached_keys, &values = own ? p.own_values : p.cached_values;
      const T* key = reinterpret_cast<const T*>(keys.data) + at * keys.stride + column;
      const T* value = reinterpret_cast<const T*>(values.data) + at * values.stride + column;
      if (!there) key = value = reinterpret_cast<const T*>(p.q.data);  // an address that is not read
      unsigned char* target = to + row * (kWidth * 2) + (piece ^ (row % 8)) * 16;
      cp_async_16_if(target, key, there);
      cp_async_16_if(target + Shape::kMatrixBytes, value, there);
    }
  };
  fetch(from_tile);
  cp_async_commit();

  PrefillWarp<T, kMaps, kHeadDim, kRowTiles> work;
#pragma unroll
  for (int r = 0; r < kRowTiles; ++r) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int i = first_of_warp + r * 16 + h * 8 + lane / 4;
      const int32_t row = i / p.queries, query = i % p.queries;
      const bool there = row < rows;  // a row beyond them computes like the last one, from zeros, and is not stored
      work.position[r][h] = first_position + (there ? row : rows - 1);
      work.top[r][h] = -1e30f;  // not -infinity, which has no difference from itself
      work.total[r][h] = 0;
      const T* from = reinterpret_cast<const T*>(p.q.data) + (first_row + (there ? row : 0)) * p.q.stride +
                      (static_cast<int64_t>(group) * p.queries + query) * kWidth + map * kHeadDim + lane % 4 * 2;
#pragma unroll
      for (int k = 0; k < kHeadDim / 16; ++k) {
        work.q[r][k][h] = there ? load_readonly(reinterpret_cast<const uint32_t*>(from + k * 16)) : 0;
        work.q[r][k][2 + h] = there ? load_readonly(reinterpret_cast<const uint32_t*>(from + k * 16 + 8)) : 0;
      }
    }
#pragma unroll
    for (int n = 0; n < kWidth / 8; ++n) {
      work.sums[r][n][0] = work.sums[r][n][1] = work.sums[r][n][2] = work.sums[r][n][3] = 0;
    }
  }

  const float scale = p.scale * kLog2E;
  for (int32_t tile = from_tile; tile < end_tile; ++tile) {
    if (tile + 1 < end_tile) fetch(tile + 1);
    cp_async_commit();
    cp_async_wait<1>();
    __syncthreads();
    const unsigned char* keys = shared_at<unsigned char>((tile - from_tile) % Shape::kStages * 2 * Shape::kMatrixBytes);
    const unsigned char* values = keys + Shape::kMatrixBytes;
    const int32_t first_key = tile * kTile;
    const bool whole = first_key + kTile - 1 <= first_position && first_key >= first_seen(p, last_position);
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
      if (row >= rows) continue;
      T* to = reinterpret_cast<T*>(p.y.data) + (first_row + row) * p.y.stride +
              (static_cast<int64_t>(group) * p.queries + query) * kWidth + lane % 4 * 2;
#pragma unroll
      for (int n = 0; n < kWidth / 8; ++n) {
        float a = work.sums[r][n][2 * h] * factor[r][h], b = work.sums[r][n][2 * h + 1] * factor[r][h];
        if constexpr (kMaps == 2) {
          const float2 weight = *reinterpret_cast<const float2*>(p.subln_weight + n * 8 + lane % 4 * 2);
          a *= weight.x, b *= weight.y;
        }
        *reinterpret_cast<uint32_t*>(to + n * 8) = pack<T>(a, b);
      }
    }
  }
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_ATTENTION_PREFILL_CUH_
