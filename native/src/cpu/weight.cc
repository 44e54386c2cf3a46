#include "cpu/weight.h"

#include <cinttypes>
#include <memory>

#include "api/check.h"
#include "cpu/pages.h"
#include "cpu/processor.h"

namespace sambay {
namespace {

constexpr int64_t kTileDepth = 32;  // one AMX tile of bf16 along k

struct OwnedWeight : CpuWeight {
  explicit OwnedWeight(const CpuWeight& layout) : CpuWeight(layout), pages(layout.bytes) { data = pages.data(); }

  Pages pages;
};

CpuWeight layout(int64_t rows, int64_t cols, sy_dtype storage) {
  CpuWeight weight{{nullptr, rows, cols, storage, 0}, 0, 0, nullptr};
  bool overflow = __builtin_add_overflow(rows, kPanel - 1, &weight.panels) ||
                  __builtin_add_overflow(cols, kTileDepth - 1, &weight.depth);
  weight.panels /= kPanel;
  weight.depth = weight.depth / kTileDepth * kTileDepth;
  overflow = overflow || __builtin_mul_overflow(weight.panels, weight.depth, &weight.bytes) ||
             __builtin_mul_overflow(weight.bytes, kPanel * element_bytes(storage), &weight.bytes);
  if (overflow) {
    throw Failure(SY_ERR_SHAPE, "[%" PRId64 ", %" PRId64 "] is more than memory can hold", rows, cols);
  }
  return weight;
}

}  // namespace

void CpuProcessor::create_weight(int64_t rows, int64_t cols, sy_dtype storage, sy_weight** weight) {
  if ((only(storage) & kQuantized) != 0) {
    throw Failure(SY_ERR_UNSUPPORTED, "quantised weights are not there yet on the CPU");
  }
  *weight = new OwnedWeight(layout(rows, cols, storage));
}

void CpuProcessor::destroy_weight(sy_weight* weight) { delete static_cast<OwnedWeight*>(weight); }

void CpuProcessor::set_rows(sy_weight& weight, int64_t first_row, const sy_tensor& from) {
  ops_.set_rows(pool_, static_cast<CpuWeight&>(weight), first_row, from);
}

void CpuProcessor::set_quantized_rows(sy_weight&, int64_t, const sy_quantized&) {
  throw Failure(SY_ERR_UNSUPPORTED, "quantised weights are not there yet on the CPU");
}

}  // namespace sambay
