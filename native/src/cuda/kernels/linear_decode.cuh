// y = norm(x) W^T for 1 to 64 rows of x, a decode step. Bound by reading W once: floor = bytes of W / bandwidth, and
// for more than some 16 rows by reading x from L2 for every unit as well. Not yet run on a GPU.
//
// Units of 64 rows of W, cut into chunks of k, lie end to end in a line that is dealt to the blocks in equal pieces, so
// that every multiprocessor reads the same number of bytes whatever the shape. A piece is cut at the borders of units
// into segments, and the chunks of a segment among the warps. Each warp keeps a ring of asynchronous copies going
// across segments. At the end of a segment the warps' sums are added up in order; where several blocks share a unit,
// the last of them to come adds what all have left in memory, in order again. The cuts depend on the shape of W and the
// device alone, so a row of y does not depend on how many rows there are.
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_DECODE_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_DECODE_CUH_

#include "cuda/kernels/linear_fragments.cuh"
#include "cuda/kernels/linear_matrix.cuh"
#include "cuda/kernels/linear_norm.cuh"
#include "cuda/kernels/linear_weight.cuh"

namespace sambay::cuda::linear_kernels {

struct DecodeParams {
  PackedWeight w;
  MatrixView x;  // of the product's type, 16-byte aligned rows, unless it is kept in shared memory
  Norm norm;     // with x kept in shared memory only
  int x_octets;  // 16-byte pieces of a row of x
  Epilogue epilogue;
  int units;
  float* partials;     // [blocks][2][tiles of tokens][8 tokens][64 rows]
  uint32_t* counters;  // [units]
};

constexpr int kDecodeWarps = 4;
constexpr int kDecodeThreads = 32 * kDecodeWarps;
static_assert(kDecodeThreads == kNormThreads, "a block normalises rows as linear_norm does");

// The warps' sums of 8 tokens: [warp][token][kSumStride].
constexpr int kSumStride = kUnitRows + 4;
constexpr int kSumFloats = kDecodeWarps * 8 * kSumStride;

// Shared memory: the warps' rings | buffers of sums | x: [tokens][depth + 8] 2 bytes, 16 zero bytes, the norm's sums.
template <class F, int kTiles, bool kKeepX>
struct DecodeShape {
  static constexpr int kCodeBytes = kUnitBlocks * F::kCodeBytes;
  static constexpr int kScaleBytes = kUnitBlocks * F::kScaleBytes;
  static constexpr int kXBytes = kKeepX ? 0 : kTiles * kTokenTileBytes;
  static constexpr int kStageBytes = kCodeBytes + kScaleBytes + kXBytes;
  // Two blocks to a multiprocessor of 227 KB, and some 40 KB under way in each.
  static constexpr bool kWide = kTiles > 2;
  static constexpr int kStages = F::kStorage == kInt4   ? (kWide ? 4 : 8)
                                 : F::kStorage == kInt8 ? (kWide ? 4 : 6)
                                                        : (kWide ? 3 : 4);
  static constexpr int kWarpBytes = kStages * kStageBytes;
  static constexpr int kSums = kDecodeWarps * kWarpBytes;
  static constexpr int kSumBuffers = kWide ? 1 : 2;
  static constexpr int kX = kSums + kSumBuffers * kSumFloats * 4;
};
__host__ __device__ constexpr int kept_row_bytes(int depth) { return depth * 2 + 16; }
constexpr int64_t kept_bytes(int tokens, int depth) {
  return static_cast<int64_t>(tokens) * kept_row_bytes(depth) + 16 + kNormSharedBytes;
}

// The first chunk of a block's piece of the line.
__device__ __forceinline__ int piece_begin(int64_t block, int blocks, int chunks) {
  return static_cast<int>(block * chunks / blocks);
}
// The block whose piece holds a chunk of the line.
__device__ __forceinline__ int piece_of(int chunk, int blocks, int chunks) {
  return static_cast<int>(((static_cast<int64_t>(chunk) + 1) * blocks - 1) / chunks);
}

// A warp's way through its chunks of a piece.
struct DecodeCursor {
  int chunks;  // of a unit
  int warp;
  int piece_end;
  int segment, segment_end;  // on the line
  int at, last;              // this warp's chunks of the segment, within the unit

  __device__ __forceinline__ void open(int begin) {
    segment = begin;
    const int unit_begin = begin / chunks * chunks;
    segment_end = min(piece_end, unit_begin + chunks);
    const int n = segment_end - segment;
    at = segment - unit_begin + n * warp / kDecodeWarps;
    last = segment - unit_begin + n * (warp + 1) / kDecodeWarps;
  }
  __device__ __forceinline__ int unit() const { return segment / chunks; }
  // To the next segment in which this warp has a chunk; false if there is none.
  __device__ __forceinline__ bool settle() {
    while (at == last) {
      if (segment_end == piece_end) return false;
      open(segment_end);
    }
    return true;
  }
};

template <class F, int kTiles, bool kKeepX>
__global__ void __launch_bounds__(kDecodeThreads, 2) linear_decode(const __grid_constant__ DecodeParams p) {
  using Shape = DecodeShape<F, kTiles, kKeepX>;
  const int thread = thread_index(), lane = lane_index(), warp = warp_index();
  const int block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
  const bool paired = p.epilogue.gate == Gate::kSwiglu;
  const int chunks = p.w.chunks, line = p.units * chunks;
  const int tokens = p.epilogue.tokens;
  unsigned char* ring = shared_at<unsigned char>(warp * Shape::kWarpBytes);
  const CachePolicy once = evict_first();

  DecodeCursor next{chunks, warp, piece_begin(block + 1, blocks, line), 0, 0, 0, 0};
  next.open(piece_begin(block, blocks, line));

  auto copy_weight = [&](unsigned char* stage, int unit, int chunk) {
    constexpr int kPieces = F::kCodeBytes / 16;  // of a row block
#pragma unroll
    for (int i = 0; i < Shape::kCodeBytes / 512; ++i) {
      const int piece = i * 32 + lane;
      const int row_block = unit_block(p.w, paired, unit, piece / kPieces);
      const int64_t from = (static_cast<int64_t>(row_block) * chunks + chunk) * F::kCodeBytes + piece % kPieces * 16;
      cp_async_16(stage + piece * 16, p.w.codes + from, once);
    }
    if constexpr (F::kQuantised) {
      if (lane < 2 * kUnitBlocks) {
        const int row_block = unit_block(p.w, paired, unit, lane / 2);
        cp_async_16(stage + Shape::kCodeBytes + lane * 16,
                    p.w.scales + (static_cast<int64_t>(row_block) * chunks + chunk) * kRowBlock + lane % 2 * 8);
      }
    }
  };
  auto copy_x = [&](unsigned char* stage, int chunk) {
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
      const int token = n * 8 + lane / 4, octet = chunk * 4 + lane % 4;
      const bool inside = token < tokens && octet < p.x_octets;
      const int64_t from = inside ? token * p.x.stride + octet * 8 : 0;
      cp_async_16_if(stage + Shape::kCodeBytes + Shape::kScaleBytes + token_offset(token, lane % 4),
                     static_cast<const uint16_t*>(p.x.data) + from, inside);
    }
  };

  // Weights depend on nothing: their first copies start before the launch before this one has ended.
  grid_dependency_launch();
  DecodeCursor first = next;
#pragma unroll
  for (int s = 0; s < Shape::kStages - 1; ++s) {
    if (next.settle()) {
      copy_weight(ring + s * Shape::kStageBytes, next.unit(), next.at);
      ++next.at;
    }
    if (kKeepX) cp_async_commit();
  }
  grid_dependency_wait();
  unsigned char* kept = shared_at<unsigned char>(Shape::kX);
  const int row_bytes = kept_row_bytes(chunks * kChunk);
  if constexpr (kKeepX) {
    unsigned char* zeros = kept + tokens * row_bytes;
    float* norm_sums = reinterpret_cast<float*>(zeros + 16);
    if (thread < 4) reinterpret_cast<uint32_t*>(zeros)[thread] = 0;
    for (int token = 0; token < tokens; ++token) {
      auto* to = reinterpret_cast<typename F::Activation*>(kept + token * row_bytes);
      normalize_row(p.x, token, p.w.cols, chunks * kChunk, p.norm, norm_sums,
                    [&](int k, float value) { to[k] = from_float<typename F::Activation>(value); });
    }
    __syncthreads();
  } else {
    DecodeCursor ahead = first;
#pragma unroll
    for (int s = 0; s < Shape::kStages - 1; ++s) {
      if (ahead.settle()) {
        copy_x(ring + s * Shape::kStageBytes, ahead.at);
        ++ahead.at;
      }
      cp_async_commit();
    }
  }

  // Where the lane finds its 16 bytes of the first tile of tokens. Tokens that are not there are zero.
  const unsigned char* tile_row = ring + Shape::kCodeBytes + Shape::kScaleBytes + token_offset(lane % 8, lane / 8);
  int row_step = 0;
  if constexpr (kKeepX) {
    static_assert(kTiles == 1, "eight tokens at most are kept");
    const bool inside = lane % 8 < tokens;
    tile_row = inside ? kept + lane % 8 * row_bytes + lane / 8 * 16 : kept + tokens * row_bytes;
    row_step = inside ? 2 * kChunk : 0;
  }

  int stage = 0, buffer = 0;
  DecodeCursor cursor = first;
  for (;;) {
    const int unit = cursor.unit();
    float sums[kUnitBlocks][kTiles][4] = {};
    for (; cursor.at < cursor.last; ++cursor.at) {
      cp_async_wait<Shape::kStages - 2>();
      __syncwarp();
      const int refill = stage == 0 ? Shape::kStages - 1 : stage - 1;
      if (next.settle()) {
        copy_weight(ring + refill * Shape::kStageBytes, next.unit(), next.at);
        if constexpr (!kKeepX) copy_x(ring + refill * Shape::kStageBytes, next.at);
        ++next.at;
      }
      cp_async_commit();
      uint32_t b[kTiles][2][2];
#pragma unroll
      for (int n = 0; n < kTiles; ++n) {
        load_tokens(b[n],
                    tile_row + (kKeepX ? cursor.at * row_step : stage * Shape::kStageBytes + n * kTokenTileBytes));
      }
      const unsigned char* codes = ring + stage * Shape::kStageBytes;
      multiply_chunk<F>(sums, codes, codes + Shape::kCodeBytes, b, lane);
      stage = stage + 1 == Shape::kStages ? 0 : stage + 1;
    }

    // The blocks that share the unit, and this one's place among them.
    const int first_block = piece_of(unit * chunks, blocks, line);
    const int sharers = piece_of(unit * chunks + chunks - 1, blocks, line) - first_block + 1;
    const int outputs_per_unit = paired ? kUnitRows / 2 : kUnitRows;
    // A block shares at most the unit its piece begins in, place 0, and that it ends in, place 1.
    auto partial = [&](int of_block, int tile) {
      const int place = piece_begin(of_block, blocks, line) / chunks == unit ? 0 : 1;
      return p.partials + ((static_cast<int64_t>(of_block) * 2 + place) * kTiles + tile) * (8 * kUnitRows);
    };
    for (int n = 0; n < kTiles && n * 8 < tokens; ++n) {
      float* shared = shared_at<float>(Shape::kSums) + buffer * kSumFloats;
      buffer = (buffer + 1) % Shape::kSumBuffers;
      float* mine = shared + (warp * 8 + lane % 4 * 2) * kSumStride + lane / 4;
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {  // n is no constant, registers have no index
        if (tile != n) continue;
#pragma unroll
        for (int i = 0; i < kUnitBlocks; ++i) {
          mine[i * 16] = sums[i][tile][0];
          mine[i * 16 + kSumStride] = sums[i][tile][1];
          mine[i * 16 + 8] = sums[i][tile][2];
          mine[i * 16 + 8 + kSumStride] = sums[i][tile][3];
        }
      }
      __syncthreads();
      auto sum = [&](int token, int row) {
        float total = 0;
#pragma unroll
        for (int i = 0; i < kDecodeWarps; ++i) total += shared[(i * 8 + token) * kSumStride + row];
        return total;
      };
      if (sharers == 1) {
        for (int i = thread; i < 8 * outputs_per_unit; i += kDecodeThreads) {
          const int token = i / outputs_per_unit, row = i % outputs_per_unit;
          if (n * 8 + token >= tokens) break;
          finish_output(p.epilogue, n * 8 + token, unit * outputs_per_unit + row, sum(token, row),
                        paired ? sum(token, row + outputs_per_unit) : 0.0f);
        }
      } else {
        float* to = partial(block, n);
        for (int i = thread; i < 8 * kUnitRows; i += kDecodeThreads) {
          if (n * 8 + i / kUnitRows >= tokens) break;
          to[i] = sum(i / kUnitRows, i % kUnitRows);
        }
      }
      if (Shape::kSumBuffers == 1) __syncthreads();
    }
    if (sharers > 1 && last_arriver(p.counters + unit, static_cast<uint32_t>(sharers))) {
      for (int i = thread; i < tokens * outputs_per_unit; i += kDecodeThreads) {
        const int token = i / outputs_per_unit, row = i % outputs_per_unit;
        float total = 0, up = 0;
        for (int s = 0; s < sharers; ++s) {
          const float* from = partial(first_block + s, token / 8) + token % 8 * kUnitRows + row;
          total += load_coherent(from);
          if (paired) up += load_coherent(from + outputs_per_unit);
        }
        finish_output(p.epilogue, token, unit * outputs_per_unit + row, total, up);
      }
    }
    if (cursor.segment_end == cursor.piece_end) break;
    cursor.open(cursor.segment_end);
  }
  cp_async_wait_all();
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_DECODE_CUH_
