// y = x W^T for many rows of x, prefill. Bound by the tensor cores: floor = 2 tokens rows cols / the matrix rate. A
// block computes 128 rows of W times 128 tokens, four warps 64 times 64 each, through a ring of four stages of 32
// columns: mma.sync, which reaches some two thirds of the rate of a card of compute capability 9.0 and most of that of
// the others. Not yet run on a GPU.
//
// The columns are cut into `splits` parts, as the shape of W says, where the tiles alone would leave multiprocessors
// idle; the last block of a tile to come adds the parts in order. A row of y does not depend on the other rows.
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_GEMM_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_GEMM_CUH_

#include "cuda/kernels/linear_fragments.cuh"
#include "cuda/kernels/linear_matrix.cuh"
#include "cuda/kernels/linear_weight.cuh"

namespace sambay::cuda::linear_kernels {

struct GemmParams {
  PackedWeight w;
  MatrixView x;  // of the product's type, 16-byte aligned rows
  int x_octets;  // 16-byte pieces of a row of x
  Epilogue epilogue;
  int row_tiles, token_tiles, splits;
  float* partials;     // [row tile][token tile][split][128 * 128]
  uint32_t* counters;  // [row tile][token tile]
};

constexpr int kGemmThreads = 128;
constexpr int kGemmTokens = 128;
constexpr int kGemmUnits = 2;  // of 64 rows
constexpr int kGemmTile = kGemmUnits * kUnitRows * kGemmTokens;
// Tiles are taken in bands of so many token tiles, all row tiles of a band one after another: a wave of blocks then
// reads few of both, and W comes from memory once per band.
constexpr int kGemmBand = 16;

template <class F>
struct GemmShape {
  static constexpr int kCodeBytes = kGemmUnits * kUnitBlocks * F::kCodeBytes;
  static constexpr int kScaleBytes = kGemmUnits * kUnitBlocks * F::kScaleBytes;
  static constexpr int kXBytes = kGemmTokens / 8 * kTokenTileBytes;
  static constexpr int kStageBytes = kCodeBytes + kScaleBytes + kXBytes;
  static constexpr int kStages = 4;
  static constexpr int kTokensPerRound = 32;  // of a warp's results on their way through shared memory
  static constexpr int kRoundStride = kUnitRows + 4;
  static constexpr int kRoundBytes = kTokensPerRound * kRoundStride * 4;
  static constexpr int kRing = kStages * kStageBytes;
  static constexpr int kBytes = kRing > 4 * kRoundBytes ? kRing : 4 * kRoundBytes;
};

struct GemmTile {
  int row, token;
};
__device__ __forceinline__ GemmTile gemm_tile(int index, int row_tiles, int token_tiles, int band_tiles) {
  const int band = index / (row_tiles * band_tiles), in_band = index % (row_tiles * band_tiles);
  const int width = min(band_tiles, token_tiles - band * band_tiles);
  return {in_band / width, band * band_tiles + in_band % width};
}

template <class F>
__global__ void __launch_bounds__(kGemmThreads, 2) linear_gemm(const __grid_constant__ GemmParams p) {
  using Shape = GemmShape<F>;
  constexpr int kTiles = 8;  // of 8 tokens, of a warp
  const int thread = thread_index(), lane = lane_index(), warp = warp_index();
  const int warp_unit = warp / 2, warp_tokens = warp % 2 * 64;
  const bool paired = p.epilogue.gate == Gate::kSwiglu;
  const int split = static_cast<int>(blockIdx.x) % p.splits;
  const int tile_index = static_cast<int>(blockIdx.x) / p.splits;
  const GemmTile tile = gemm_tile(tile_index, p.row_tiles, p.token_tiles, kGemmBand);
  const int first_token = tile.token * kGemmTokens;
  const int chunks = p.w.chunks;
  const int begin = static_cast<int>(static_cast<int64_t>(split) * chunks / p.splits);
  const int end = static_cast<int>(static_cast<int64_t>(split + 1) * chunks / p.splits);
  unsigned char* ring = shared_at<unsigned char>(0);

  // This thread's share of a stage: pieces of 16 bytes of W, and octet thread % 4 of every 32nd token.
  constexpr int kPieces = F::kCodeBytes / 16;
  constexpr int kThreadPieces = Shape::kCodeBytes / 16 / kGemmThreads;
  int first_chunks[kThreadPieces];  // of the piece's row block, in chunks from the start of W
#pragma unroll
  for (int i = 0; i < kThreadPieces; ++i) {
    const int block = (i * kGemmThreads + thread) / kPieces;
    first_chunks[i] =
        unit_block(p.w, paired, tile.row * kGemmUnits + block / kUnitBlocks, block % kUnitBlocks) * chunks;
  }
  const bool copies_scales = F::kQuantised && thread < 2 * kGemmUnits * kUnitBlocks;
  int scale_chunks = 0;
  if (copies_scales) {
    const int block = thread / 2;
    scale_chunks = unit_block(p.w, paired, tile.row * kGemmUnits + block / kUnitBlocks, block % kUnitBlocks) * chunks;
  }
  const int x_token = first_token + thread / 4;
  const auto* x_from = static_cast<const uint16_t*>(p.x.data) + x_token * p.x.stride + thread % 4 * 8;
  auto copy_stage = [&](unsigned char* stage, int chunk) {
#pragma unroll
    for (int i = 0; i < kThreadPieces; ++i) {
      const int piece = i * kGemmThreads + thread;
      const int64_t from = static_cast<int64_t>(first_chunks[i] + chunk) * F::kCodeBytes + piece % kPieces * 16;
      cp_async_16(stage + piece * 16, p.w.codes + from);
    }
    if (copies_scales) {
      const int64_t from = static_cast<int64_t>(scale_chunks + chunk) * kRowBlock + thread % 2 * 8;
      cp_async_16(stage + Shape::kCodeBytes + thread * 16, p.w.scales + from);
    }
    // Tokens and columns past the end are zero.
    const bool inside = chunk * 4 + thread % 4 < p.x_octets;
    unsigned char* to = stage + Shape::kCodeBytes + Shape::kScaleBytes + token_offset(thread / 4, thread % 4);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const bool there = inside && x_token + i * 32 < p.epilogue.tokens;
      const void* from = there ? x_from + i * 32 * p.x.stride + chunk * kChunk : p.x.data;
      cp_async_16_if(to + i * 4 * kTokenTileBytes, from, there);
    }
  };

  grid_dependency_launch();
  grid_dependency_wait();
#pragma unroll
  for (int s = 0; s < Shape::kStages - 1; ++s) {
    if (begin + s < end) copy_stage(ring + s * Shape::kStageBytes, begin + s);
    cp_async_commit();
  }
  const int row = Shape::kCodeBytes + Shape::kScaleBytes + token_offset(warp_tokens + lane % 8, lane / 8);
  float sums[kUnitBlocks][kTiles][4] = {};
  int stage = 0;
  for (int chunk = begin; chunk < end; ++chunk) {
    cp_async_wait<Shape::kStages - 2>();
    __syncthreads();
    const int refill = stage == 0 ? Shape::kStages - 1 : stage - 1;
    if (chunk + Shape::kStages - 1 < end) copy_stage(ring + refill * Shape::kStageBytes, chunk + Shape::kStages - 1);
    cp_async_commit();
    const unsigned char* now = ring + stage * Shape::kStageBytes;
    uint32_t b[kTiles][2][2];
#pragma unroll
    for (int n = 0; n < kTiles; ++n) load_tokens(b[n], now + row + n * kTokenTileBytes);
    multiply_chunk<F>(sums, now + warp_unit * kUnitBlocks * F::kCodeBytes,
                      now + Shape::kCodeBytes + warp_unit * kUnitBlocks * F::kScaleBytes, b, lane);
    stage = stage + 1 == Shape::kStages ? 0 : stage + 1;
  }
  cp_async_wait_all();

  if (p.splits > 1) {
    float* parts = p.partials + static_cast<int64_t>(tile_index) * p.splits * kGemmTile + thread;
#pragma unroll
    for (int i = 0; i < kUnitBlocks * kTiles * 4; ++i) {
      parts[static_cast<int64_t>(split) * kGemmTile + i * kGemmThreads] = sums[i / (kTiles * 4)][i / 4 % kTiles][i % 4];
    }
    if (!last_arriver(p.counters + tile_index, static_cast<uint32_t>(p.splits))) return;
#pragma unroll
    for (int i = 0; i < kUnitBlocks * kTiles * 4; ++i) {
      float total = 0;
#pragma unroll 1
      for (int s = 0; s < p.splits; ++s) {
        total += load_coherent(parts + static_cast<int64_t>(s) * kGemmTile + i * kGemmThreads);
      }
      sums[i / (kTiles * 4)][i / 4 % kTiles][i % 4] = total;
    }
  }

  // Through shared memory, so that a warp stores neighbouring outputs of one token.
  __syncthreads();
  float* results = shared_at<float>(warp * Shape::kRoundBytes);
  const int outputs_per_unit = paired ? kUnitRows / 2 : kUnitRows;
  const int first_output = (tile.row * kGemmUnits + warp_unit) * outputs_per_unit;
#pragma unroll
  for (int round = 0; round < 2; ++round) {
    __syncwarp();
#pragma unroll
    for (int n = 0; n < kTiles / 2; ++n) {
      float* to = results + (n * 8 + lane % 4 * 2) * Shape::kRoundStride + lane / 4;
#pragma unroll
      for (int i = 0; i < kUnitBlocks; ++i) {
        const float(&sum)[4] = sums[i][round * kTiles / 2 + n];
        to[i * 16] = sum[0];
        to[i * 16 + Shape::kRoundStride] = sum[1];
        to[i * 16 + 8] = sum[2];
        to[i * 16 + 8 + Shape::kRoundStride] = sum[3];
      }
    }
    __syncwarp();
#pragma unroll 1
    for (int t = 0; t < Shape::kTokensPerRound; ++t) {
      const int token = first_token + warp_tokens + round * Shape::kTokensPerRound + t;
      const float* result = results + t * Shape::kRoundStride;
      finish_output(p.epilogue, token, first_output + lane, result[lane], result[lane + 32]);
      if (!paired) finish_output(p.epilogue, token, first_output + 32 + lane, result[lane + 32], 0.0f);
    }
  }
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_GEMM_CUH_
