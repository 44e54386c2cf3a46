#include "cpu/weight.h"

#include <cinttypes>

#include "api/device.h"
#include "api/pages.h"

namespace {

using sambay::Dim;
using sambay::Failure;
namespace check = sambay::check;

constexpr int64_t kTileDepth = 32;  // one AMX tile of bf16 along k

struct OwnedWeight : sy_weight {
  explicit OwnedWeight(const sy_weight& layout) : sy_weight(layout), pages(layout.bytes) { data = pages.data(); }

  sambay::Pages pages;
};

sy_weight layout(int64_t rows, int64_t cols, sy_dtype storage) {
  sy_weight weight{rows, cols, 0, 0, storage, 0, nullptr};
  bool overflow = __builtin_add_overflow(rows, sambay::kPanel - 1, &weight.panels) ||
                  __builtin_add_overflow(cols, kTileDepth - 1, &weight.depth);
  weight.panels /= sambay::kPanel;
  weight.depth = weight.depth / kTileDepth * kTileDepth;
  overflow = overflow || __builtin_mul_overflow(weight.panels, weight.depth, &weight.bytes) ||
             __builtin_mul_overflow(weight.bytes, sambay::kPanel * sambay::element_bytes(storage), &weight.bytes);
  if (overflow) {
    throw Failure(SY_ERR_SHAPE, "[%" PRId64 ", %" PRId64 "] is more than memory can hold", rows, cols);
  }
  return weight;
}

}  // namespace

sy_status sy_weight_create(sy_device* device, int64_t rows, int64_t cols, sy_dtype storage, sy_weight** weight) {
  return sambay::entry_on("weight_create", device, weight, [&] {
    check::range("rows", rows, 1, INT64_MAX);
    check::range("cols", cols, 1, INT64_MAX);
    check::dtype("storage", storage, sambay::kAnyDtype);
    *weight = new OwnedWeight(layout(rows, cols, storage));
  });
}

void sy_weight_destroy(sy_weight* weight) { delete static_cast<OwnedWeight*>(weight); }

sy_status sy_weight_set_rows(sy_device* device, sy_weight* weight, int64_t first_row, const sy_tensor* from) {
  return sambay::entry_on("weight_set_rows", device, weight, [&] {
    Dim n{"n"}, cols{"cols", weight->cols};
    check::matrix("from", from, n, cols);
    if (first_row < 0 || n.value > weight->rows || first_row > weight->rows - n.value) {
      throw Failure(SY_ERR_ARGUMENT,
                    "first_row is %" PRId64 " for %" PRId64 " rows, expected them within the weight's %" PRId64,
                    first_row, n.value, weight->rows);
    }
    device->ops.set_rows(device->pool, *weight, first_row, *from);
  });
}

int64_t sy_weight_bytes(const sy_weight* weight) { return weight == nullptr ? 0 : weight->bytes; }
