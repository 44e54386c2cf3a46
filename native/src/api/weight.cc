#include <cinttypes>

#include "api/device.h"
#include "api/quantize.h"

namespace {

using sambay::Dim;
using sambay::Failure;
namespace check = sambay::check;

void check_rows(const sy_weight& weight, int64_t first_row, int64_t n) {
  if (first_row < 0 || n > weight.rows || first_row > weight.rows - n) {
    throw Failure(SY_ERR_ARGUMENT,
                  "first_row is %" PRId64 " for %" PRId64 " rows, expected them within the weight's %" PRId64,
                  first_row, n, weight.rows);
  }
}

}  // namespace

sy_status sy_weight_create(sy_device* device, int64_t rows, int64_t cols, sy_dtype storage, sy_weight** weight) {
  return sambay::entry_on("weight_create", device, weight, [&] {
    check::range("rows", rows, 1, INT64_MAX);
    check::range("cols", cols, 1, INT64_MAX);
    check::dtype("storage", storage, sambay::kAnyDtype | sambay::kQuantized);
    if ((sambay::only(storage) & sambay::kQuantized) != 0) {
      check::multiple("cols", cols, SY_GROUP);
    }
    sy_weight* made = nullptr;
    device->call(device->table.create_weight, rows, cols, storage, &made);
    made->device = device;
    *weight = made;
  });
}

void sy_weight_destroy(sy_weight* weight) {
  if (weight != nullptr) {
    sy_device* device = weight->device;
    std::lock_guard lock(device->mutex);
    device->table.destroy_weight(device->self, weight);
  }
}

sy_status sy_weight_set_rows(sy_device* device, sy_weight* weight, int64_t first_row, const sy_tensor* from) {
  return sambay::entry_on("weight_set_rows", device, weight, [&] {
    check::belongs("weight", weight->device, device);
    Dim n{"n"}, cols{"cols", weight->cols};
    check::matrix("from", from, n, cols);
    check_rows(*weight, first_row, n.value);
    sambay::FloatingPointMode mode;
    device->call(device->table.set_rows, *weight, first_row, *from);
  });
}

sy_status sy_weight_set_quantized_rows(sy_device* device, sy_weight* weight, int64_t first_row,
                                       const sy_quantized* from) {
  return sambay::entry_on("weight_set_quantized_rows", device, weight, [&] {
    check::belongs("weight", weight->device, device);
    Dim n{"n"}, cols{"cols", weight->cols};
    check::quantized("from", from, n, cols);
    check::dtype("from", from->dtype, sambay::only(weight->storage));
    check_rows(*weight, first_row, n.value);
    device->call(device->table.set_quantized_rows, *weight, first_row, *from);
  });
}

sy_status sy_quantize(const sy_tensor* from, const sy_quantized* to) {
  return sambay::entry("quantize", [&] {
    Dim rows{"rows"}, cols{"cols"};
    check::matrix("from", from, rows, cols);
    check::quantized("to", to, rows, cols);
    sambay::FloatingPointMode mode;
    sambay::check_quantizable(*from, to->dtype, 0);
    sambay::quantize_rows(*from, *to);
  });
}

int64_t sy_weight_bytes(const sy_weight* weight) { return weight == nullptr ? 0 : weight->bytes; }
