// kv_append, kv_read.
#include "matrix.h"

using namespace sambay::test;

namespace {

// Sequences appended piece by piece through shuffled blocks or rings, pieces longer than the ring included; then every
// position still held is read back, and a row that belongs to nobody is as it was.
void test_cache(sy_device* device, const std::string& target, int64_t features, int64_t gap, int32_t block_tokens,
                int32_t table_cols, sy_dtype from, sy_dtype storage, sy_dtype to, Random& random) {
  const int64_t sequences = 3, capacity = int64_t{block_tokens} * table_cols;
  const std::string what = target + ", " + std::to_string(features) + " features, blocks of " +
                           std::to_string(block_tokens) + " x " + std::to_string(table_cols);
  const int64_t blocks = sequences * table_cols + 1;  // the last one stays free
  Matrix keys = random.matrix(blocks * block_tokens, features, storage, gap);
  Matrix values = random.matrix(blocks * block_tokens, features, storage, 2 * gap);
  const Matrix keys_before = keys;
  std::vector<int32_t> table;
  for (int32_t i = 0; i < sequences * table_cols; ++i) table.push_back(i);
  for (size_t i = table.size() - 1; i > 0; --i) {
    std::swap(table[i], table[static_cast<size_t>(random.integer(0, static_cast<int64_t>(i)))]);
  }
  sy_kv kv{*keys.view(), *values.view(), block_tokens, table_cols, table.data()};

  const bool ring = table_cols == 1;
  std::vector<Matrix> k, v;
  for (int64_t s = 0; s < sequences; ++s) {
    const int64_t length = ring ? random.integer(1, 4 * capacity) : random.integer(1, capacity);
    k.push_back(random.matrix(length, features, from));
    v.push_back(random.matrix(length, features, from));
  }
  std::vector<int64_t> done(sequences, 0);
  for (bool more = true; more;) {
    more = false;
    Batch batch;
    std::vector<int32_t> rows_of_table;
    std::vector<std::pair<int64_t, int64_t>> source;
    for (int64_t s = 0; s < sequences; ++s) {
      const int64_t left = k[s].rows() - done[s];
      if (left == 0) continue;
      more = true;
      const int64_t rows = random.integer(1, left);
      batch.add(rows, static_cast<int32_t>(s), done[s]);
      rows_of_table.insert(rows_of_table.end(), table.begin() + s * table_cols, table.begin() + (s + 1) * table_cols);
      for (int64_t r = 0; r < rows; ++r) source.emplace_back(s, done[s] + r);
      done[s] += rows;
    }
    if (!more) break;
    Matrix new_k(batch.tokens(), features, from, 3), new_v(batch.tokens(), features, from);
    for (int64_t r = 0; r < batch.tokens(); ++r) {
      for (int64_t c = 0; c < features; ++c) {
        new_k.set(r, c, k[source[r].first].at(source[r].second, c));
        new_v.set(r, c, v[source[r].first].at(source[r].second, c));
      }
    }
    sy_kv part = kv;
    part.table = rows_of_table.data();
    const sy_kv_append_args append{batch.get(), new_k.view(), new_v.view(), &part};
    expect_ok(sy_kv_append(device, &append), what);
  }

  for (int32_t s = 0; s < sequences; ++s) {
    const int64_t kept = std::min(capacity, k[s].rows()), first = k[s].rows() - kept;
    Matrix got_k(kept, features, to, 1), got_v(kept, features, to, 4);
    const sy_kv_read_args read{&kv, s, static_cast<int32_t>(first), got_k.view(), got_v.view()};
    expect_ok(sy_kv_read(device, &read), what);
    for (int64_t r = 0; r < kept; ++r) {
      for (int64_t c = 0; c < features; ++c) {
        const double want_k = round_to(to, round_to(storage, k[s].at(first + r, c)));
        const double want_v = round_to(to, round_to(storage, v[s].at(first + r, c)));
        CHECK(got_k.at(r, c) == want_k && got_v.at(r, c) == want_v,
              "%s: sequence %d, position %d, column %d: %g, expected %g", what.c_str(), s, static_cast<int>(first + r),
              static_cast<int>(c), got_k.at(r, c), want_k);
      }
    }
  }
  for (int64_t r = (blocks - 1) * block_tokens; r < blocks * block_tokens; ++r) {
    for (int64_t c = 0; c < features; ++c)
      CHECK(keys.at(r, c) == keys_before.at(r, c), "%s: a free block changed", what.c_str());
  }
  CHECK(keys.gaps_intact() && values.gaps_intact(), "%s: elements between the rows were written", what.c_str());
}

}  // namespace

int main() {
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    for (int round = 0; round < 12; ++round) {
      const int32_t block_tokens = static_cast<int32_t>(random.integer(1, 20));
      const int64_t features = round % 3 == 0 ? 256 : 21, gap = round % 2 == 0 ? 0 : 5;
      test_cache(device, target, features, gap, block_tokens, 1, random.dtype(), random.dtype(), random.dtype(),
                 random);
      test_cache(device, target, features, gap, block_tokens, static_cast<int32_t>(random.integer(1, 8)),
                 random.dtype(), random.dtype(), random.dtype(), random);
    }
  });
  return finish();
}
