// How a weight lies in device memory, chunk by chunk as the kernels read it.
//
// W [rows, cols] is cut into row blocks of 16 rows and chunks of 32 columns, the last of each filled up with zeros. A
// chunk of a row block is two operands A [16, 16] of the tensor cores, in the order in which the lanes of a warp hold
// them: a load of 16 bytes per lane is a fragment, ready for use. The chunks of a row block follow one another along k.
// With lane = 4 g + t, `high` one of rows g and g + 8, and k = 16 tile + 8 khigh + 2 t + half within a chunk:
//
//   bf16, f16  1024 bytes [tile][lane][khigh][high][half]
//   int8        512 bytes [lane][tile][high] words of four codes: byte 2 half + khigh
//   int4        256 bytes [lane][high] words of eight codes + 8: nibble 2 tile + khigh + 4 half
//   f32        2048 bytes [row][k]
//
// Bytes 0 and 2 of a word of int8 codes, or nibbles i and i + 4 of int4 codes, become the two halves of one register. A
// word belongs to one row, so rows can be set one by one. Scales f16: [row block][chunk][g][high].
#ifndef SAMBAY_CUDA_KERNELS_LINEAR_WEIGHT_CUH_
#define SAMBAY_CUDA_KERNELS_LINEAR_WEIGHT_CUH_

#include "cuda/kernels/linear_matrix.cuh"

namespace sambay::cuda::linear_kernels {

constexpr int kRowBlock = 16;
constexpr int kChunk = 32;

struct PackedWeight {
  unsigned char* codes;
  f16* scales;  // of int8 and int4
  int storage;
  int rows, cols;
  int row_blocks, chunks;
};

__host__ __device__ constexpr int chunk_bytes(int storage) {
  return storage == kF32 ? 2048 : storage == kInt8 ? 512 : storage == kInt4 ? 256 : 1024;
}

// The bytes from the start of the codes to a chunk.
__device__ __forceinline__ int64_t chunk_offset(const PackedWeight& w, int row_block, int chunk) {
  return (static_cast<int64_t>(row_block) * w.chunks + chunk) * chunk_bytes(w.storage);
}
// The scales of a chunk, 16 of them.
__device__ __forceinline__ int64_t scale_offset(const PackedWeight& w, int row_block, int chunk) {
  return (static_cast<int64_t>(row_block) * w.chunks + chunk) * kRowBlock;
}

// Element (row, k), for what is not in a hurry.
__device__ __forceinline__ float weight_element(const PackedWeight& w, int row, int k) {
  const int row_block = row / kRowBlock, chunk = k / kChunk;
  const unsigned char* codes = w.codes + chunk_offset(w, row_block, chunk);
  if (w.storage == kF32) return reinterpret_cast<const float*>(codes)[row % kRowBlock * kChunk + k % kChunk];
  const int g = row % 8, high = row / 8 % 2, tile = k / 16 % 2, khigh = k / 8 % 2, t = k % 8 / 2, half = k % 2;
  const int lane = 4 * g + t;
  if (w.storage == kBf16 || w.storage == kF16) {
    const uint16_t bits =
        reinterpret_cast<const uint16_t*>(codes)[((tile * 32 + lane) * 4 + khigh * 2 + high) * 2 + half];
    return w.storage == kBf16 ? to_float(bf16{bits}) : to_float(f16{bits});
  }
  const float scale = to_float(w.scales[scale_offset(w, row_block, chunk) + g * 2 + high]);
  if (w.storage == kInt8) {
    const uint32_t code = codes[(lane * 4 + tile * 2 + high) * 4 + half * 2 + khigh];
    return scale * static_cast<float>(static_cast<int>(code ^ 128) - 128);
  }
  const uint32_t word = reinterpret_cast<const uint32_t*>(codes)[lane * 2 + high];
  return scale * static_cast<float>(static_cast<int>(word >> (4 * (tile * 2 + khigh + 4 * half)) & 15) - 8);
}

}  // namespace sambay::cuda::linear_kernels

#endif  // SAMBAY_CUDA_KERNELS_LINEAR_WEIGHT_CUH_
