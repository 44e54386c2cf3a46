// Products on tensor cores, y^T = W x^T: W is the left operand, straight from its packed form, tokens are the columns
// of the right one. Quantised weights become the integers they are, exact in bf16 and f16 alike; the sum over a chunk,
// one group, is scaled in f32. Decode and prefill share this.
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_FRAGMENTS_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_FRAGMENTS_CUH_

#include "cuda/kernels/linear_matrix.cuh"
#include "cuda/kernels/linear_weight.cuh"

namespace sambay::cuda::linear_kernels {

// The numbers 128 and 1024: adding up to 7 or 10 bits to them in the lowest places gives the sum exactly.
template <class Activation>
struct Magic;
template <>
struct Magic<bf16> {
  static constexpr uint32_t kBase = 0x43004300;        // 128
  static constexpr uint32_t kMinusOne = 0xbf80bf80;    // -1
  static constexpr uint32_t kOne = 0x3f803f80;         // 1
  static constexpr uint32_t kMinusBase8 = 0xc308c308;  // -(128 + 8)
};
template <>
struct Magic<f16> {
  static constexpr uint32_t kBase = 0x64006400;  // 1024
  static constexpr uint32_t kMinusOne = 0xbc00bc00;
  static constexpr uint32_t kOne = 0x3c003c00;
  static constexpr uint32_t kMinusBase8 = 0xe408e408;  // -(1024 + 8)
};

__device__ __forceinline__ uint32_t fma_pair(bf16, uint32_t a, uint32_t b, uint32_t c) { return fma_bf16x2(a, b, c); }
__device__ __forceinline__ uint32_t fma_pair(f16, uint32_t a, uint32_t b, uint32_t c) { return fma_f16x2(a, b, c); }
__device__ __forceinline__ void mma(bf16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mma_bf16_16x8x16(d, a, b);
}
__device__ __forceinline__ void mma(f16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mma_f16_16x8x16(d, a, b);
}

// The two codes in bits 0-7 and 16-23 of `word`: code = (its low seven bits) - (its sign bit), both as 128 + or 1024 +.
template <class Activation>
__device__ __forceinline__ uint32_t int8_pair(uint32_t word) {
  using M = Magic<Activation>;
  const uint32_t low = and_or(word, 0x007f007f, M::kBase), sign = and_or(word, 0x00800080, M::kBase);
  return fma_pair(Activation{}, sign, M::kMinusOne, low);
}
// The two codes + 8 in bits 0-3 and 16-19.
template <class Activation>
__device__ __forceinline__ uint32_t int4_pair(uint32_t word) {
  using M = Magic<Activation>;
  return fma_pair(Activation{}, and_or(word, 0x000f000f, M::kBase), M::kOne, M::kMinusBase8);
}

// A storage type of weights and the type its products take: bf16 or f16.
template <int storage, class ActivationType>
struct Format {
  using Activation = ActivationType;
  static constexpr int kStorage = storage;
  static constexpr bool kQuantised = storage == kInt8 || storage == kInt4;
  static constexpr int kCodeBytes = chunk_bytes(storage);
  static constexpr int kScaleBytes = kQuantised ? kRowBlock * 2 : 0;

  // The two operands of a chunk of a row block, in shared memory.
  static __device__ __forceinline__ void load(uint32_t (&a)[2][4], const unsigned char* codes, int lane) {
    if constexpr (storage == kInt8) {
      const uint4 words = reinterpret_cast<const uint4*>(codes)[lane];
      const uint32_t word[2][2] = {{words.x, words.y}, {words.z, words.w}};
#pragma unroll
      for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
        for (int high = 0; high < 2; ++high) {
          a[tile][high] = int8_pair<Activation>(word[tile][high]);
          a[tile][high + 2] = int8_pair<Activation>(word[tile][high] >> 8);
        }
      }
    } else if constexpr (storage == kInt4) {
      const uint2 words = reinterpret_cast<const uint2*>(codes)[lane];
#pragma unroll
      for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
        for (int khigh = 0; khigh < 2; ++khigh) {
          a[tile][2 * khigh] = int4_pair<Activation>(words.x >> (4 * (2 * tile + khigh)));
          a[tile][2 * khigh + 1] = int4_pair<Activation>(words.y >> (4 * (2 * tile + khigh)));
        }
      }
    } else {
#pragma unroll
      for (int tile = 0; tile < 2; ++tile) {
        const uint4 words = reinterpret_cast<const uint4*>(codes)[tile * 32 + lane];
        a[tile][0] = words.x;
        a[tile][1] = words.y;
        a[tile][2] = words.z;
        a[tile][3] = words.w;
      }
    }
  }
};

// sums [row block][tile of 8 tokens] += kBlocks row blocks times kTiles tiles over one chunk. codes and scales of the
// row blocks follow one another in shared memory; b[tile] are the right operands of the chunk's two halves.
template <class F, int kBlocks, int kTiles>
__device__ __forceinline__ void multiply_chunk(float (&sums)[kBlocks][kTiles][4], const unsigned char* codes,
                                               const unsigned char* scales, const uint32_t (&b)[kTiles][2][2],
                                               int lane) {
  using Activation = typename F::Activation;
#pragma unroll
  for (int i = 0; i < kBlocks; ++i) {
    uint32_t a[2][4];
    F::load(a, codes + i * F::kCodeBytes, lane);
    if constexpr (F::kQuantised) {
      const uint32_t pair = reinterpret_cast<const uint32_t*>(scales + i * F::kScaleBytes)[lane / 4];
      const float low = low_f16(pair), high = high_f16(pair);
#pragma unroll
      for (int n = 0; n < kTiles; ++n) {
        float group[4] = {0, 0, 0, 0};
        mma(Activation{}, group, a[0], b[n][0]);
        mma(Activation{}, group, a[1], b[n][1]);
        sums[i][n][0] = fmaf(low, group[0], sums[i][n][0]);
        sums[i][n][1] = fmaf(low, group[1], sums[i][n][1]);
        sums[i][n][2] = fmaf(high, group[2], sums[i][n][2]);
        sums[i][n][3] = fmaf(high, group[3], sums[i][n][3]);
      }
    } else {
#pragma unroll
      for (int n = 0; n < kTiles; ++n) {
        mma(Activation{}, sums[i][n], a[0], b[n][0]);
        mma(Activation{}, sums[i][n], a[1], b[n][1]);
      }
    }
  }
}

// The right operands of 8 tokens and a chunk: `row` is where 16 bytes, columns 8 (lane / 8) to 8 (lane / 8) + 7, of
// token lane % 8 lie in shared memory.
__device__ __forceinline__ void load_tokens(uint32_t (&b)[2][2], const void* row) {
  uint32_t r[4];
  ldmatrix_x4(r, row);
  b[0][0] = r[0];
  b[0][1] = r[1];
  b[1][0] = r[2];
  b[1][1] = r[3];
}

// A tile of tokens in shared memory: [token][32 columns] of 2 bytes, where 16 bytes `octet` of a token lie so that
// neither writing nor ldmatrix meets a bank twice. The pattern repeats with every 8 tokens.
constexpr int kTokenTileBytes = 8 * 64;
__device__ __forceinline__ int token_offset(int token, int octet) {
  return token * 64 + ((octet ^ (token >> 1 & 3)) << 4);
}

// Work is dealt out in units of four row blocks. With `paired`, SwiGLU, blocks 2 and 3 are the ups of the gates in
// blocks 0 and 1. Blocks beyond the end are those at the end once more; nothing is stored of them.
constexpr int kUnitBlocks = 4;
constexpr int kUnitRows = kUnitBlocks * kRowBlock;
__device__ __forceinline__ int unit_block(const PackedWeight& w, bool paired, int unit, int i) {
  const int block = !paired ? unit * kUnitBlocks + i : unit * 2 + (i & 1) + (i >> 1) * (w.row_blocks / 2);
  return min(block, w.row_blocks - 1);
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_FRAGMENTS_CUH_
