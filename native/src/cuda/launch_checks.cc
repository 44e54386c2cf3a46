#include "cuda/launch_checks.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "api/check.h"
#include "api/error.h"

namespace sambay::cuda {

void LaunchChecks::keep(Check check) {
  for (const Check& known : checks_) {
    if (known.same_as(check)) return;
  }
  checks_.push_back(std::move(check));
}

bool LaunchChecks::Check::same_as(const Check& other) const {
  const auto fields = [](const Check& c) {
    return std::tuple(c.kind, c.values, c.n, c.first, c.limit, c.lowest, c.highest, c.has_kv, c.own_keys,
                      c.batch.sequences, c.batch.seq_start, c.batch.slot, c.batch.position, c.kv.keys.rows,
                      c.kv.block_tokens, c.kv.table_cols, c.kv.table);
  };
  return fields(*this) == fields(other);
}

void LaunchChecks::batch(const sy_batch& batch, int64_t slots) {
  Check check(kBatch);
  check.batch = batch;
  check.limit = slots;
  check.seq_start.assign(batch.seq_start, batch.seq_start + batch.sequences + 1);
  keep(std::move(check));
}

void LaunchChecks::attention_keys(const sy_batch& batch, const sy_kv* kv, bool own_keys, int32_t window) {
  Check check(kAttentionKeys);
  check.batch = batch;
  check.has_kv = kv != nullptr;
  if (kv != nullptr) check.kv = *kv;
  check.own_keys = own_keys;
  check.limit = window;
  keep(std::move(check));
}

void LaunchChecks::append_positions(const sy_batch& batch, const sy_kv& kv) {
  Check check(kAppendPositions);
  check.batch = batch;
  check.kv = kv;
  keep(std::move(check));
}

void LaunchChecks::rope_positions(const sy_batch& batch, int64_t positions) {
  Check check(kRopePositions);
  check.batch = batch;
  check.limit = positions;
  keep(std::move(check));
}

void LaunchChecks::table(const sy_kv& kv, int32_t sequence, int64_t first, int64_t end) {
  Check check(kTable);
  check.kv = kv;
  check.n = sequence;
  check.first = first;
  check.limit = end;
  keep(std::move(check));
}

void LaunchChecks::indices(const char* name, const int32_t* values, int64_t n, int64_t limit) {
  Check check(kIndices);
  check.name = name;
  check.values = values;
  check.n = n;
  check.limit = limit;
  keep(std::move(check));
}

void LaunchChecks::numbers(const char* name, const double* values, int64_t n, double lowest, double highest) {
  Check check(kNumbers);
  check.name = name;
  check.values = values;
  check.n = n;
  check.lowest = lowest;
  check.highest = highest;
  keep(std::move(check));
}

void LaunchChecks::run() const {
  for (const Check& check : checks_) check.run();
}

void LaunchChecks::Check::run() const {
  switch (kind) {
    case kBatch:
      if (!std::equal(seq_start.begin(), seq_start.end(), batch.seq_start)) {
        throw Failure(SY_ERR_ARGUMENT, "batch.seq_start is not what it was when the graph was recorded");
      }
      check::batch(&batch, Dim{"tokens", seq_start.back()});
      if (limit > 0) check::slots(batch, limit);
      return;
    case kAttentionKeys:
      return check::attention_keys(batch, has_kv ? &kv : nullptr, own_keys, static_cast<int32_t>(limit));
    case kAppendPositions:
      return check::append_positions(batch, kv);
    case kRopePositions:
      return check::rope_positions(batch, limit);
    case kTable:
      return check::kv_positions(kv, n, first, limit);
    case kIndices:
      return check::indices(name, static_cast<const int32_t*>(values), n, limit);
    case kNumbers:
      return check::numbers(name, static_cast<const double*>(values), n, lowest, highest);
  }
}

}  // namespace sambay::cuda
