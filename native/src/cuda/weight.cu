#include <algorithm>
#include <cinttypes>
#include <vector>

#include "api/error.h"
#include "api/quantize.h"
#include "cuda/kernels/linear_pack.cuh"
#include "cuda/ops.h"
#include "cuda/weight.h"

namespace sambay::cuda {

using namespace linear_kernels;

static_assert(kF32 == SY_F32 && kF16 == SY_F16 && kBf16 == SY_BF16 && kInt8 == SY_INT8 && kInt4 == SY_INT4,
              "kernels know the storage types by the same numbers");
static_assert(kChunk == SY_GROUP, "a chunk is a group of a quantised weight");

namespace {

bool quantised(sy_dtype storage) { return storage == SY_INT8 || storage == SY_INT4; }

// Bytes of n neighbouring elements of host rows.
int64_t bytes_of(sy_dtype dtype, int64_t n) {
  return dtype == SY_INT4 ? n / 2 : n * (dtype == SY_F32 ? 4 : dtype == SY_INT8 ? 1 : 2);
}

// Rows go up in pieces, so that copying one and packing the one before overlap and the working memory stays small.
constexpr int64_t kPieceBytes = 32 << 20;

void pack(Queue& queue, const PackedWeight& packed, int64_t first_row, int64_t rows, const void* from, sy_dtype dtype,
          int64_t stride, const uint16_t* scales) {
  const int64_t groups = packed.chunks;
  const int64_t piece_rows = std::clamp(kPieceBytes / std::max<int64_t>(bytes_of(dtype, stride), 1), int64_t{1}, rows);
  const int64_t most_bytes = bytes_of(dtype, (piece_rows - 1) * stride + packed.cols);
  auto* staged = static_cast<char*>(queue.scratch(most_bytes));
  f16* staged_scales = scales != nullptr ? queue.scratch_of<f16>(piece_rows * groups) : nullptr;
  for (int64_t done = 0; done < rows; done += piece_rows) {
    const int64_t n = std::min(piece_rows, rows - done);
    const auto* piece = static_cast<const char*>(from) + bytes_of(dtype, done * stride);
    queue.upload(staged, piece, bytes_of(dtype, (n - 1) * stride + packed.cols));
    const int first = static_cast<int>(first_row + done);
    const PackParams params{packed, staged, staged_scales, dtype, stride, first, static_cast<int>(n)};
    const int64_t row_blocks = (first + n - 1) / kRowBlock - first / kRowBlock + 1;
    const int64_t words = row_blocks * packed.chunks * (chunk_bytes(packed.storage) / 4);
    queue.launch(linear_pack, (words + kPackThreads - 1) / kPackThreads, kPackThreads, 0, params);
    if (scales != nullptr) {
      queue.upload(staged_scales, scales + done * groups, n * groups * 2);
      queue.launch(linear_pack_scales, (n * groups + kPackThreads - 1) / kPackThreads, kPackThreads, 0, params);
    }
  }
}

void pack_codes(Queue& queue, const sy_weight& weight, int64_t first_row, const sy_quantized& from) {
  pack(queue, cuda_weight(&weight).packed, first_row, from.rows, from.codes, from.dtype, from.cols, from.scales);
}

}  // namespace

sy_weight* create_weight(Queue& queue, int64_t rows, int64_t cols, sy_dtype storage) {
  // Rows and chunks are counted in int; no card's memory holds a matrix that does not fit so.
  if (rows > INT32_MAX - kRowBlock || cols > INT32_MAX - kChunk || rows > (int64_t{1} << 40) / cols) {
    throw Failure(SY_ERR_SHAPE, "[%" PRId64 ", %" PRId64 "] is more than a card can hold", rows, cols);
  }
  PackedWeight packed{nullptr,
                      nullptr,
                      storage,
                      static_cast<int>(rows),
                      static_cast<int>(cols),
                      static_cast<int>((rows + kRowBlock - 1) / kRowBlock),
                      static_cast<int>((cols + kChunk - 1) / kChunk)};
  const int64_t chunks = static_cast<int64_t>(packed.row_blocks) * packed.chunks;
  const int64_t code_bytes = aligned(chunks * chunk_bytes(storage));
  const int64_t scale_bytes = quantised(storage) ? chunks * kRowBlock * 2 : 0;
  auto weight = std::make_unique<CudaWeight>(sy_weight{nullptr, rows, cols, storage, code_bytes + scale_bytes}, packed,
                                             quantised(storage) ? code_bytes : 0);
  queue.zero(weight->memory.data(), weight->bytes);
  return weight.release();
}

void destroy_weight(sy_weight* weight) noexcept { delete static_cast<CudaWeight*>(weight); }

void set_rows(Queue& queue, sy_weight& weight, int64_t first_row, const sy_tensor& from) {
  if (!quantised(weight.storage)) {
    pack(queue, cuda_weight(&weight).packed, first_row, from.rows, from.data, from.dtype, from.stride, nullptr);
    return;
  }
  check_quantizable(from, weight.storage, first_row);
  const int64_t groups = weight.cols / SY_GROUP, code_bytes = bytes_of(weight.storage, weight.cols);
  const int64_t piece_rows = std::clamp(kPieceBytes / code_bytes, int64_t{1}, from.rows);
  std::vector<char> codes(static_cast<size_t>(piece_rows * code_bytes));
  std::vector<uint16_t> scales(static_cast<size_t>(piece_rows * groups));
  for (int64_t done = 0; done < from.rows; done += piece_rows) {
    const int64_t n = std::min(piece_rows, from.rows - done);
    sy_tensor piece = from;
    piece.rows = n;
    piece.data = static_cast<char*>(from.data) + bytes_of(from.dtype, done * from.stride);
    const sy_quantized rounded{codes.data(), scales.data(), weight.storage, n, weight.cols};
    quantize_rows(piece, rounded);
    pack_codes(queue, weight, first_row + done, rounded);
  }
}

void set_quantized_rows(Queue& queue, sy_weight& weight, int64_t first_row, const sy_quantized& from) {
  check_codes(from, first_row);
  pack_codes(queue, weight, first_row, from);
}

}  // namespace sambay::cuda
