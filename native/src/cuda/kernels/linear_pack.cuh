// Rows as they come from the host, put where linear_weight.cuh says.
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_PACK_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_PACK_CUH_

#include "cuda/kernels/linear_matrix.cuh"
#include "cuda/kernels/linear_weight.cuh"

namespace sambay::cuda::linear_kernels {

struct PackParams {
  PackedWeight w;
  const void* from;  // rows [count, cols] as they come from the host, `stride` elements apart; codes: as in a file
  const f16* from_scales;  // [count, cols / 32]
  int from_dtype;
  int64_t from_stride;
  int first_row, count;
};
constexpr int kPackThreads = 256;

// Which row and columns the words of a chunk hold. Word `word` of a chunk that is not f32: row within the block.
__device__ __forceinline__ int row_of_word(int storage, int word) {
  if (storage == kF32) return word / kChunk;
  const int lane = storage == kInt4 ? word / 2 : word / 4 % 32;
  return lane / 4 + 8 * (word % 2);
}

// One word of 4 bytes per thread, in the order of the weight: reads are short runs of 16 rows, writes are coalesced.
// Floor: (bytes of `from` + bytes of the weight) / bandwidth; the host's copy into pinned memory is slower by far.
// Not yet run on a GPU.
__global__ void linear_pack(const __grid_constant__ PackParams p) {
  const PackedWeight& w = p.w;
  const int words_per_chunk = chunk_bytes(w.storage) / 4;
  const int64_t words_per_block = static_cast<int64_t>(w.chunks) * words_per_chunk;
  const int first_block = p.first_row / kRowBlock;
  const int64_t index = (static_cast<int64_t>(blockIdx.x)) * kPackThreads + thread_index();
  const int row_block = first_block + static_cast<int>(index / words_per_block);
  const int in_block = static_cast<int>(index % words_per_block);
  const int chunk = in_block / words_per_chunk, word = in_block % words_per_chunk;
  const int from_row = row_block * kRowBlock + row_of_word(w.storage, word) - p.first_row;
  if (from_row < 0 || from_row >= p.count) return;
  const int64_t from_at = from_row * p.from_stride;
  auto element = [&](int k) { return k < w.cols ? load_element(p.from, p.from_dtype, from_at + k) : 0.0f; };
  uint32_t bits = 0;
  if (w.storage == kF32) {
    bits = bit_cast<uint32_t>(element(chunk * kChunk + word % kChunk));
  } else if (w.storage == kBf16 || w.storage == kF16) {
    const int k = chunk * kChunk + word / 128 * 16 + word / 2 % 2 * 8 + word / 4 % 4 * 2;
    bits = w.storage == kBf16 ? pack_bf16(element(k), element(k + 1)) : pack_f16(element(k), element(k + 1));
  } else if (w.storage == kInt8) {
    const int k = chunk * kChunk + word / 2 % 2 * 16 + word / 4 % 4 * 2;
    const uint8_t* codes = static_cast<const uint8_t*>(p.from) + from_at + k;
#pragma unroll
    for (int khigh = 0; khigh < 2; ++khigh) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        bits |= static_cast<uint32_t>(codes[khigh * 8 + half]) << (8 * (half * 2 + khigh));
      }
    }
  } else {
    const int k = chunk * kChunk + word / 2 % 4 * 2;
    const uint8_t* codes = static_cast<const uint8_t*>(p.from) + (from_at + k) / 2;
#pragma unroll
    for (int i = 0; i < 4; ++i) {  // 2 tile + khigh: eight columns further each, four bytes
      const uint32_t pair = codes[i * 4];
      bits |= (pair & 15) << (4 * i) | (pair >> 4) << (4 * (i + 4));
    }
  }
  *reinterpret_cast<uint32_t*>(w.codes + chunk_offset(w, row_block, 0) + static_cast<int64_t>(in_block) * 4) = bits;
}

// One scale per thread.
__global__ void linear_pack_scales(const __grid_constant__ PackParams p) {
  const PackedWeight& w = p.w;
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kPackThreads + thread_index();
  const int from_row = static_cast<int>(index / w.chunks), chunk = static_cast<int>(index % w.chunks);
  if (from_row >= p.count) return;
  const int row = p.first_row + from_row;
  w.scales[scale_offset(w, row / kRowBlock, chunk) + row % 8 * 2 + row / 8 % 2] = p.from_scales[index];
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_PACK_CUH_
