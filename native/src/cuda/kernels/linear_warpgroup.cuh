// y = x W^T for many rows of x on compute capability 9.0a, by wgmma: bf16 and f16 weights of an even number of chunks.
// Floor as of linear_gemm.cuh, 2 tokens rows cols / the matrix rate, which mma.sync cannot reach on this card. Not yet
// run on a GPU.
//
// A block computes tiles of 128 rows of W times 256 tokens, one tile after another. One warpgroup keeps a ring of four
// stages of 64 columns filled: W by bulk copies of the packed chunks, x by asynchronous copies of 16 bytes into the
// 128-byte swizzle. Two warpgroups of 64 rows each multiply: the packed weight *is* the fragment of the left operand,
// which goes from shared memory to registers, and x is the right operand in shared memory. Each of the two waits for
// its own products before it loads fragments again, while those of the other keep the tensor cores busy.
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_WARPGROUP_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_WARPGROUP_CUH_

#include "cuda/kernels/linear_fragments.cuh"
#include "cuda/kernels/linear_gemm.cuh"
#include "cuda/kernels/linear_matrix.cuh"
#include "cuda/kernels/linear_weight.cuh"
#include "cuda/wgmma.h"

namespace sambay::cuda::linear_kernels {

constexpr int kGroupThreads = 128;  // of a warpgroup
constexpr int kWarpgroupThreads = 3 * kGroupThreads;
constexpr int kWarpgroupTokens = 256;
constexpr int kWarpgroupUnits = 2;   // of 64 rows, one for each multiplying warpgroup
constexpr int kWarpgroupChunks = 2;  // of a stage
constexpr int kWarpgroupBand = 8;    // of token tiles, as kGemmBand

// Shared memory: stages of x and W | results of each multiplying warpgroup | barriers.
struct WarpgroupShape {
  static constexpr int kXBytes = kWarpgroupTokens * 128;
  static constexpr int kBlockBytes = kWarpgroupChunks * 1024;  // of a row block
  static constexpr int kCodeBytes = kWarpgroupUnits * kUnitBlocks * kBlockBytes;
  static constexpr int kStageBytes = kXBytes + kCodeBytes;
  static constexpr int kStages = 4;
  static constexpr int kTokensPerRound = 32;
  static constexpr int kRoundStride = kUnitRows + 4;
  static constexpr int kResults = kStages * kStageBytes;
  static constexpr int kResultBytes = kTokensPerRound * kRoundStride * 4;
  static constexpr int kBarriers = kResults + kWarpgroupUnits * kResultBytes;
  static constexpr int kBytes = kBarriers + 2 * kStages * 8;
  static_assert(kStageBytes % 1024 == 0, "a swizzled atom is 1024-byte aligned");
};

// Registers per thread of the warpgroup that fills the ring, and of the two that multiply.
constexpr int kFillRegisters = 40, kMultiplyRegisters = 232;
static_assert(kGroupThreads * (kFillRegisters + 2 * kMultiplyRegisters) <= block_registers(kWarpgroupThreads));

// Copies of x the filling warpgroup leaves under way: a stage is announced so many stages later.
constexpr int kWarpgroupLag = 2;

struct RingPlace {
  int stage = 0, parity = 0;
  __device__ __forceinline__ void advance() {
    stage += 1;
    if (stage == WarpgroupShape::kStages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

template <class Activation>
__global__ void __launch_bounds__(kWarpgroupThreads, 1) linear_warpgroup(const __grid_constant__ GemmParams p) {
  using Shape = WarpgroupShape;
  const int thread = thread_index() % kGroupThreads, group = thread_index() / kGroupThreads;
  const bool paired = p.epilogue.gate == Gate::kSwiglu;
  const int steps = p.w.chunks / kWarpgroupChunks;
  const int tiles = p.row_tiles * p.token_tiles;
  unsigned char* ring = shared_at<unsigned char>(0);
  uint64_t* full = shared_at<uint64_t>(Shape::kBarriers);
  uint64_t* empty = full + Shape::kStages;
  if (thread_index() == 0) {
    for (int s = 0; s < Shape::kStages; ++s) {
      mbarrier_init(full + s, kGroupThreads + 1);        // x, and the bytes of W
      mbarrier_init(empty + s, 2 * kGroupThreads / 32);  // the multiplying warps
    }
    mbarrier_init_fence();
  }
  __syncthreads();
  grid_dependency_launch();
  grid_dependency_wait();

  if (group == 0) {
    registers_give_back<kFillRegisters>();
    RingPlace place, announced;
    int under_way = 0;
    for (int index = static_cast<int>(blockIdx.x); index < tiles; index += static_cast<int>(gridDim.x)) {
      const GemmTile tile = gemm_tile(index, p.row_tiles, p.token_tiles, kWarpgroupBand);
      const int first_token = tile.token * kWarpgroupTokens + thread / 8, octet = thread % 8;
      const auto* x = static_cast<const uint16_t*>(p.x.data) + first_token * p.x.stride + octet * 8;
      const int to = thread / 8 * 128 + ((octet ^ (thread / 8 & 7)) << 4);
      for (int step = 0; step < steps; ++step) {
        mbarrier_wait(empty + place.stage, place.parity ^ 1);
        unsigned char* stage = ring + place.stage * Shape::kStageBytes;
        if (thread == 0) {
          mbarrier_arrive_expect(full + place.stage, Shape::kCodeBytes);
#pragma unroll 1
          for (int i = 0; i < kWarpgroupUnits * kUnitBlocks; ++i) {
            const int row_block =
                unit_block(p.w, paired, tile.row * kWarpgroupUnits + i / kUnitBlocks, i % kUnitBlocks);
            const int64_t from = (static_cast<int64_t>(row_block) * p.w.chunks + step * kWarpgroupChunks) * 1024;
            bulk_copy(stage + Shape::kXBytes + i * Shape::kBlockBytes, p.w.codes + from, Shape::kBlockBytes,
                      full + place.stage);
          }
        }
        const bool inside = step * 8 + octet < p.x_octets;  // else zero, as W is there
#pragma unroll 4
        for (int i = 0; i < kWarpgroupTokens / 16; ++i) {
          const bool there = inside && first_token + i * 16 < p.epilogue.tokens;
          cp_async_16_if(stage + to + i * 16 * 128, there ? x + i * 16 * p.x.stride + step * 64 : p.x.data, there);
        }
        cp_async_commit();
        place.advance();
        if (++under_way > kWarpgroupLag) {
          cp_async_wait<kWarpgroupLag>();
          fence_async_shared();
          mbarrier_arrive(full + announced.stage);
          announced.advance();
          --under_way;
        }
      }
    }
    cp_async_wait_all();
    fence_async_shared();
    for (; under_way > 0; --under_way) {
      mbarrier_arrive(full + announced.stage);
      announced.advance();
    }
  } else {
    registers_take<kMultiplyRegisters>();
    const int lane = thread % 32, warp = thread / 32, unit_in_tile = group - 1;
    float* results = shared_at<float>(Shape::kResults + unit_in_tile * Shape::kResultBytes);
    const int outputs_per_unit = paired ? kUnitRows / 2 : kUnitRows;
    RingPlace place;
    for (int index = static_cast<int>(blockIdx.x); index < tiles; index += static_cast<int>(gridDim.x)) {
      const GemmTile tile = gemm_tile(index, p.row_tiles, p.token_tiles, kWarpgroupBand);
      float sums[128];
#pragma unroll
      for (int i = 0; i < 128; ++i) sums[i] = 0;
      // The fragments of a stage, then its products. The other multiplying warpgroup has products under way meanwhile.
#pragma unroll 1
      for (int step = 0; step < steps; ++step) {
        mbarrier_wait(full + place.stage, place.parity);
        const unsigned char* stage = ring + place.stage * Shape::kStageBytes;
        const auto* codes = reinterpret_cast<const uint4*>(stage + Shape::kXBytes +
                                                           (unit_in_tile * kUnitBlocks + warp) * Shape::kBlockBytes);
        uint32_t a[4][4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const uint4 words = codes[i * 32 + lane];
          a[i][0] = words.x;
          a[i][1] = words.y;
          a[i][2] = words.z;
          a[i][3] = words.w;
        }
        wgmma_fence();
#pragma unroll
        for (int i = 0; i < 4; ++i) wgmma<Activation>(sums, a[i], wgmma_operand(stage + i * 32, 1024));
        wgmma_commit();
        wgmma_wait<0>();
        if (lane == 0) mbarrier_arrive(empty + place.stage);
        place.advance();
      }
      wgmma_pin(sums);

      // Through shared memory, so that a warp stores neighbouring outputs of one token.
      const int first_output = (tile.row * kWarpgroupUnits + unit_in_tile) * outputs_per_unit;
#pragma unroll
      for (int round = 0; round < kWarpgroupTokens / Shape::kTokensPerRound; ++round) {
        constexpr int kTiles = Shape::kTokensPerRound / 8;
#pragma unroll
        for (int n = 0; n < kTiles; ++n) {
          const float* sum = sums + (round * kTiles + n) * 4;
          float* to = results + (n * 8 + lane % 4 * 2) * Shape::kRoundStride + warp * 16 + lane / 4;
          to[0] = sum[0];
          to[Shape::kRoundStride] = sum[1];
          to[8] = sum[2];
          to[Shape::kRoundStride + 8] = sum[3];
        }
        barrier_sync(group, kGroupThreads);
#pragma unroll 1
        for (int t = warp; t < Shape::kTokensPerRound; t += kGroupThreads / 32) {
          const int token = tile.token * kWarpgroupTokens + round * Shape::kTokensPerRound + t;
          const float* result = results + t * Shape::kRoundStride;
          finish_output(p.epilogue, token, first_output + lane, result[lane], result[lane + 32]);
          if (!paired) finish_output(p.epilogue, token, first_output + 32 + lane, result[lane + 32], 0.0f);
        }
        barrier_sync(group, kGroupThreads);
      }
    }
  }
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_WARPGROUP_CUH_
