#include "api/check.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "api/error.h"

namespace sambay {
namespace {

std::string shape_text(const sy_tensor& tensor) {
  return "[" + std::to_string(tensor.rows) + ", " + std::to_string(tensor.cols) + "]";
}

std::string dim_text(const Dim& dim) {
  if (!dim.bound()) {
    return dim.name;
  }
  std::string value = std::to_string(dim.value);
  return dim.name == value ? value : dim.name + ("=" + value);
}

std::string dtype_names(unsigned dtypes) {
  std::string names;
  for (sy_dtype dtype : {SY_F32, SY_F16, SY_BF16, SY_INT8, SY_INT4}) {
    if ((dtypes & only(dtype)) != 0) {
      names += (names.empty() ? "" : " or ") + std::string(dtype_name(dtype));
    }
  }
  return names;
}

[[noreturn]] void wrong_shape(const char* name, const sy_tensor& tensor, const std::string& rows, const Dim& cols) {
  throw Failure(SY_ERR_SHAPE, "%s is %s, expected [%s, %s]", name, shape_text(tensor).c_str(), rows.c_str(),
                dim_text(cols).c_str());
}

// Everything about a view but its shape, so that its memory can be walked through without a further look.
void view(const char* name, const sy_tensor* tensor, unsigned dtypes) {
  check::not_null(name, tensor);
  check::dtype(name, tensor->dtype, dtypes);
  if (tensor->rows < 1 || tensor->cols < 1) {
    throw Failure(SY_ERR_SHAPE, "%s is %s, expected at least one row and one column", name,
                  shape_text(*tensor).c_str());
  }
  if (tensor->stride < tensor->cols) {
    throw Failure(SY_ERR_SHAPE, "%s has stride %" PRId64 ", expected at least its %" PRId64 " columns", name,
                  tensor->stride, tensor->cols);
  }
  if (tensor->data == nullptr) {
    throw Failure(SY_ERR_ARGUMENT, "%s has no data: the pointer is null", name);
  }
  int64_t size = element_bytes(tensor->dtype);
  auto address = reinterpret_cast<uintptr_t>(tensor->data);
  if (address % static_cast<uintptr_t>(size) != 0) {
    throw Failure(SY_ERR_ARGUMENT, "%s lies at an address that is not a multiple of the %" PRId64 " bytes of %s", name,
                  size, dtype_name(tensor->dtype));
  }
  int64_t bytes;
  uintptr_t end;
  if (__builtin_mul_overflow(tensor->rows - 1, tensor->stride, &bytes) ||
      __builtin_add_overflow(bytes, tensor->cols, &bytes) || __builtin_mul_overflow(bytes, size, &bytes) ||
      __builtin_add_overflow(address, static_cast<uintptr_t>(bytes), &end)) {
    throw Failure(SY_ERR_SHAPE, "%s is %s with stride %" PRId64 ", which is more than memory can hold", name,
                  shape_text(*tensor).c_str(), tensor->stride);
  }
}

bool overlap(const sy_tensor& a, const sy_tensor& b) {
  auto pitch = [](const sy_tensor& t) { return static_cast<uint64_t>(t.stride * element_bytes(t.dtype)); };
  auto width = [](const sy_tensor& t) { return static_cast<uint64_t>(t.cols * element_bytes(t.dtype)); };
  auto begin = [](const sy_tensor& t) { return static_cast<uint64_t>(reinterpret_cast<uintptr_t>(t.data)); };
  auto end = [&](const sy_tensor& t) { return begin(t) + static_cast<uint64_t>(t.rows - 1) * pitch(t) + width(t); };
  if (end(a) <= begin(b) || end(b) <= begin(a)) {
    return false;
  }
  if (pitch(a) != pitch(b)) {
    return true;  // rare, and not worth solving exactly
  }
  // Both are columns of one matrix: b starts this far behind the start of one of a's rows.
  uint64_t lead = begin(a) <= begin(b) ? (begin(b) - begin(a)) % pitch(a)
                                       : (pitch(a) - (begin(a) - begin(b)) % pitch(a)) % pitch(a);
  return lead < width(a) || lead + width(b) > pitch(a);
}

}  // namespace

unsigned only(sy_dtype dtype) { return 1u << dtype; }

int64_t element_bytes(sy_dtype dtype) { return dtype == SY_F32 ? 4 : 2; }

const char* dtype_name(sy_dtype dtype) {
  constexpr const char* kNames[] = {"f32", "f16", "bf16", "int8", "int4"};
  return kNames[dtype];
}

namespace check {

void not_null(const char* name, const void* pointer) {
  if (pointer == nullptr) {
    throw Failure(SY_ERR_ARGUMENT, "%s is null", name);
  }
}

void range(const char* name, int64_t value, int64_t lowest, int64_t highest) {
  if (value < lowest || value > highest) {
    throw Failure(SY_ERR_ARGUMENT, "%s is %" PRId64 ", expected %" PRId64 " to %" PRId64, name, value, lowest, highest);
  }
}

void finite(const char* name, float value) {
  if (!std::isfinite(value)) {
    throw Failure(SY_ERR_ARGUMENT, "%s is %f, expected a finite number", name, static_cast<double>(value));
  }
}

void eps(float value) {
  if (!std::isfinite(value) || value < 0) {
    throw Failure(SY_ERR_ARGUMENT, "eps is %g, expected a finite number >= 0", static_cast<double>(value));
  }
}

void divisor(const char* name, int64_t value, const Dim& whole) {
  if (value < 1 || whole.value % value != 0) {
    throw Failure(SY_ERR_ARGUMENT, "%s is %" PRId64 ", expected a divisor of %s", name, value, dim_text(whole).c_str());
  }
}

void multiple(const char* name, int64_t value, int64_t unit) {
  if (value % unit != 0) {
    throw Failure(SY_ERR_SHAPE, "%s is %" PRId64 ", expected a multiple of %" PRId64, name, value, unit);
  }
}

void belongs(const char* name, const sy_device* owner, const sy_device* device) {
  if (owner != device) {
    throw Failure(SY_ERR_ARGUMENT, "%s belongs to another device", name);
  }
}

void dtype(const char* name, sy_dtype dtype, unsigned dtypes) {
  if (dtype < SY_F32 || dtype > SY_INT4) {
    throw Failure(SY_ERR_DTYPE, "%s has the unknown dtype %d, expected %s", name, dtype, dtype_names(dtypes).c_str());
  }
  if ((dtypes & only(dtype)) == 0) {
    throw Failure(SY_ERR_DTYPE, "%s is %s, expected %s", name, dtype_name(dtype), dtype_names(dtypes).c_str());
  }
}

void matrix(const char* name, const sy_tensor* tensor, Dim& rows, Dim& cols, unsigned dtypes) {
  view(name, tensor, dtypes);
  if ((rows.bound() && rows.value != tensor->rows) || (cols.bound() && cols.value != tensor->cols)) {
    wrong_shape(name, *tensor, dim_text(rows), cols);
  }
  rows.value = tensor->rows;
  cols.value = tensor->cols;
}

void optional_matrix(const char* name, const sy_tensor* tensor, Dim& rows, Dim& cols) {
  if (tensor != nullptr) {
    matrix(name, tensor, rows, cols);
  }
}

void vector(const char* name, const sy_tensor* tensor, Dim& cols) {
  Dim one{"1", 1};
  matrix(name, tensor, one, cols, kF32Only);
}

void optional_vector(const char* name, const sy_tensor* tensor, Dim& cols) {
  if (tensor != nullptr) {
    vector(name, tensor, cols);
  }
}

int64_t stacked(const char* name, const sy_tensor* tensor, const char* count_name, const Dim& unit, Dim& cols,
                unsigned dtypes) {
  view(name, tensor, dtypes);
  if (tensor->rows % unit.value != 0 || (cols.bound() && cols.value != tensor->cols)) {
    wrong_shape(name, *tensor, std::string(count_name) + " * " + dim_text(unit), cols);
  }
  cols.value = tensor->cols;
  return tensor->rows / unit.value;
}

void disjoint(const char* a_name, const sy_tensor* a, const char* b_name, const sy_tensor* b) {
  if (a != nullptr && b != nullptr && overlap(*a, *b)) {
    throw Failure(SY_ERR_ARGUMENT, "%s and %s overlap in memory, expected none in common", a_name, b_name);
  }
}

void same_or_disjoint(const char* a_name, const sy_tensor* a, const char* b_name, const sy_tensor* b) {
  if (a == nullptr || b == nullptr) {
    return;
  }
  bool same = a->data == b->data && a->dtype == b->dtype && (a->stride == b->stride || a->rows == 1);
  if (!same && overlap(*a, *b)) {
    throw Failure(SY_ERR_ARGUMENT, "%s and %s overlap in part, expected the same memory or none in common", a_name,
                  b_name);
  }
}

void batch(const sy_batch* batch, const Dim& tokens) {
  not_null("batch", batch);
  if (batch->sequences < 1) {
    throw Failure(SY_ERR_ARGUMENT, "batch.sequences is %d, expected at least 1", batch->sequences);
  }
  not_null("batch.seq_start", batch->seq_start);
  not_null("batch.slot", batch->slot);
  not_null("batch.position", batch->position);
  const int32_t* start = batch->seq_start;
  if (start[0] != 0) {
    throw Failure(SY_ERR_ARGUMENT, "batch.seq_start[0] is %d, expected 0", start[0]);
  }
  for (int32_t s = 0; s < batch->sequences; ++s) {
    if (start[s + 1] <= start[s]) {
      throw Failure(SY_ERR_ARGUMENT, "batch.seq_start[%d] is %d, expected more than the %d before it", s + 1,
                    start[s + 1], start[s]);
    }
    int64_t rows = int64_t{start[s + 1]} - start[s];
    if (batch->position[s] < 0 || batch->position[s] + rows > INT32_MAX) {
      throw Failure(SY_ERR_ARGUMENT,
                    "batch.position[%d] is %d for %" PRId64 " tokens, expected 0 or more and the last one below 2^31",
                    s, batch->position[s], rows);
    }
    if (batch->slot[s] < 0) {
      throw Failure(SY_ERR_ARGUMENT, "batch.slot[%d] is %d, expected 0 or more", s, batch->slot[s]);
    }
  }
  if (start[batch->sequences] != tokens.value) {
    throw Failure(SY_ERR_SHAPE, "batch.seq_start ends at %d, expected %s", start[batch->sequences],
                  dim_text(tokens).c_str());
  }
  std::vector<int32_t> slots(batch->slot, batch->slot + batch->sequences);
  std::sort(slots.begin(), slots.end());
  auto twice = std::adjacent_find(slots.begin(), slots.end());
  if (twice != slots.end()) {
    throw Failure(SY_ERR_ARGUMENT, "batch.slot holds %d twice, expected a slot of its own for each sequence", *twice);
  }
}

void slots(const sy_batch& batch, int64_t slots) { indices("batch.slot", batch.slot, batch.sequences, slots); }

void indices(const char* name, const int32_t* values, int64_t n, int64_t limit) {
  not_null(name, values);
  for (int64_t i = 0; i < n; ++i) {
    if (values[i] < 0 || values[i] >= limit) {
      throw Failure(SY_ERR_ARGUMENT, "%s[%" PRId64 "] is %d, expected 0 to %" PRId64, name, i, values[i], limit - 1);
    }
  }
}

void numbers(const char* name, const double* values, int64_t n, double lowest, double highest) {
  not_null(name, values);
  for (int64_t i = 0; i < n; ++i) {
    if (!(values[i] >= lowest && values[i] <= highest)) {
      throw Failure(SY_ERR_ARGUMENT, "%s[%" PRId64 "] is %g, expected %g to %g", name, i, values[i], lowest, highest);
    }
  }
}

void quantized(const char* name, const sy_quantized* rows_of_codes, Dim& rows, Dim& cols) {
  not_null(name, rows_of_codes);
  const sy_quantized& from = *rows_of_codes;
  dtype(name, from.dtype, kQuantized);
  if (from.rows < 1 || from.cols < 1 || from.cols % SY_GROUP != 0 || (rows.bound() && rows.value != from.rows) ||
      (cols.bound() && cols.value != from.cols)) {
    throw Failure(SY_ERR_SHAPE, "%s is [%" PRId64 ", %" PRId64 "], expected [%s, %s], columns in groups of %d", name,
                  from.rows, from.cols, dim_text(rows).c_str(), dim_text(cols).c_str(), SY_GROUP);
  }
  not_null("codes", from.codes);
  not_null("scales", from.scales);
  rows.value = from.rows;
  cols.value = from.cols;
}

void kv(const sy_kv* kv, Dim& features) {
  not_null("kv", kv);
  Dim rows{"blocks * block_tokens"};
  matrix("kv.keys", &kv->keys, rows, features);
  matrix("kv.values", &kv->values, rows, features, only(kv->keys.dtype));
  disjoint("kv.keys", &kv->keys, "kv.values", &kv->values);
  range("kv.block_tokens", kv->block_tokens, 1, INT32_MAX);
  range("kv.table_cols", kv->table_cols, 1, INT32_MAX);
  not_null("kv.table", kv->table);
  if (rows.value % kv->block_tokens != 0) {
    throw Failure(SY_ERR_SHAPE, "kv.keys has %" PRId64 " rows, expected a multiple of block_tokens=%d", rows.value,
                  kv->block_tokens);
  }
}

void kv_positions(const sy_kv& kv, int64_t sequence, int64_t first, int64_t end) {
  int64_t capacity = int64_t{kv.block_tokens} * kv.table_cols;
  if (end - first > capacity) {
    throw Failure(SY_ERR_SHAPE,
                  "kv holds %" PRId64 " positions of sequence %" PRId64 ", expected room for %" PRId64 ": %" PRId64
                  " to %" PRId64,
                  capacity, sequence, end - first, first, end - 1);
  }
  int64_t blocks = kv.keys.rows / kv.block_tokens;
  const int32_t* row = kv.table + sequence * kv.table_cols;
  for (int64_t block = first / kv.block_tokens; first < end && block <= (end - 1) / kv.block_tokens; ++block) {
    int64_t column = block % kv.table_cols;
    if (row[column] < 0 || row[column] >= blocks) {
      throw Failure(SY_ERR_ARGUMENT, "kv.table[%" PRId64 ", %" PRId64 "] is %d, expected 0 to %" PRId64, sequence,
                    column, row[column], blocks - 1);
    }
  }
}

void attention_keys(const sy_batch& batch, const sy_kv* kv, bool own_keys, int32_t window) {
  for (int32_t s = 0; s < batch.sequences; ++s) {
    int64_t position = batch.position[s];
    int64_t rows = int64_t{batch.seq_start[s + 1]} - batch.seq_start[s];
    int64_t first = window == 0 ? 0 : std::max<int64_t>(0, position - window + 1);
    int64_t end = own_keys ? position : position + rows;
    if (first >= end) {
      continue;  // nothing from the cache
    }
    if (kv == nullptr) {
      throw Failure(SY_ERR_ARGUMENT, "kv is null, expected a cache for batch.position[%d]=%" PRId64, s, position);
    }
    kv_positions(*kv, s, first, end);
  }
}

void append_positions(const sy_batch& batch, const sy_kv& kv) {
  int64_t capacity = int64_t{kv.block_tokens} * kv.table_cols;
  for (int32_t s = 0; s < batch.sequences; ++s) {
    int64_t position = batch.position[s];
    int64_t end = position + batch.seq_start[s + 1] - batch.seq_start[s];
    kv_positions(kv, s, std::max(position, end - capacity), end);
  }
}

void rope_positions(const sy_batch& batch, int64_t positions) {
  for (int32_t s = 0; s < batch.sequences; ++s) {
    int64_t end = int64_t{batch.position[s]} + batch.seq_start[s + 1] - batch.seq_start[s];
    if (end > positions) {
      throw Failure(SY_ERR_SHAPE,
                    "cos has %" PRId64 " rows, expected one for each position up to %" PRId64 " of sequence %d",
                    positions, end - 1, s);
    }
  }
}

}  // namespace check
}  // namespace sambay
