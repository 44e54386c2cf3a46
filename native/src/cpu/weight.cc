#include "cpu/weight.h"

#include <cinttypes>
#include <memory>

#include "api/check.h"
#include "cpu/pages.h"
#include "cpu/processor.h"
#include "cpu/quantized_weight.h"

namespace sambay {
namespace {

constexpr int64_t kTileDepth = 32;  // one AMX tile of bf16 along k

struct OwnedWeight : CpuWeight {
  OwnedWeight(const CpuWeight& layout, WeightMemory& memory) : CpuWeight(layout) { data = memory.take(bytes, pages); }

  std::shared_ptr<Pages> pages;
};

CpuWeight layout(int64_t rows, int64_t cols, sy_dtype storage) {
  CpuWeight weight{{nullptr, rows, cols, storage, 0}, 0, 0, nullptr};
  const int64_t step = is_quantized(storage) ? 2 * SY_GROUP : kTileDepth;
  const int64_t step_bytes = is_quantized(storage) ? kPairScaleBytes + 2 * quantized_group_bytes(storage)
                                                   : kTileDepth * kPanel * element_bytes(storage);
  bool overflow =
      __builtin_add_overflow(rows, kPanel - 1, &weight.panels) || __builtin_add_overflow(cols, step - 1, &weight.depth);
  weight.panels /= kPanel;
  weight.depth = weight.depth / step * step;
  overflow = overflow || __builtin_mul_overflow(weight.panels, weight.depth / step, &weight.bytes) ||
             __builtin_mul_overflow(weight.bytes, step_bytes, &weight.bytes);
  if (overflow) {
    throw Failure(SY_ERR_SHAPE, "[%" PRId64 ", %" PRId64 "] is more than memory can hold", rows, cols);
  }
  return weight;
}

}  // namespace

char* WeightMemory::take(int64_t bytes, std::shared_ptr<Pages>& pages) {
  constexpr int64_t kShared = int64_t{64} << 20, kAlignment = 4096;
  if (bytes > kShared / 2) {
    pages = std::make_shared<Pages>(bytes);
    return pages->data();
  }
  if (shared_ == nullptr || shared_->bytes() - used_ < bytes) {
    shared_ = std::make_shared<Pages>(kShared);
    used_ = 0;
  }
  pages = shared_;
  char* data = shared_->data() + used_;
  used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return data;
}

void CpuProcessor::create_weight(int64_t rows, int64_t cols, sy_dtype storage, sy_weight** weight) {
  *weight = new OwnedWeight(layout(rows, cols, storage), weight_memory_);
}

void CpuProcessor::destroy_weight(sy_weight* weight) { delete static_cast<OwnedWeight*>(weight); }

void CpuProcessor::set_rows(sy_weight& weight, int64_t first_row, const sy_tensor& from) {
  auto& packed = static_cast<CpuWeight&>(weight);
  if (is_quantized(weight.storage)) {
    set_and_quantize_rows(pool_, packed, first_row, from);
  } else {
    ops_.set_rows(pool_, packed, first_row, from);
  }
}

void CpuProcessor::set_quantized_rows(sy_weight& weight, int64_t first_row, const sy_quantized& from) {
  sambay::set_quantized_rows(pool_, static_cast<CpuWeight&>(weight), first_row, from);
}

}  // namespace sambay
