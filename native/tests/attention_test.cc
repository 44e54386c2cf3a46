// attention, diff_attention, and the caches they read.
#include "matrix.h"

using namespace sambay::test;

namespace {

struct Shape {
  int32_t heads, kv_heads, head_dim, window;
  bool differential;
  sy_dtype q, fresh, cache, y;
  int64_t gap = 1;  // unused elements between rows come in multiples of this many; a card is fast where they are of 8

  int64_t q_cols() const { return int64_t{heads} * head_dim; }
  int64_t kv_cols() const { return int64_t{kv_heads} * head_dim; }
  std::string name() const {
    return std::string(differential ? "diff_attention " : "attention ") + std::to_string(heads) + "/" +
           std::to_string(kv_heads) + " heads of " + std::to_string(head_dim) + ", window " + std::to_string(window) +
           ", dtypes " + std::to_string(q) + std::to_string(fresh) + std::to_string(cache) + std::to_string(y);
  }
};

// A card rounds the probabilities of 16-bit chunks.
double tolerance(const Shape& shape) {
  const bool rounds = device_under_test() != "cpu" && shape.q == shape.cache && shape.fresh == shape.cache;
  return tolerance_of(shape.y) + (rounds ? rounded_probabilities(shape.y) : 0);
}

constexpr float kLambda = 0.37f, kOutScale = 0.44f, kEps = 1e-5f;

// One sequence: all its queries, keys and values from position 0 on, and the same numbers in double precision.
struct Sequence {
  Matrix q, k, v;
  Doubles exact_q, exact_k, exact_v;
};

void round_to_multiples(Matrix& matrix, double unit) {
  for (int64_t r = 0; r < matrix.rows(); ++r) {
    for (int64_t c = 0; c < matrix.cols(); ++c) matrix.set(r, c, std::nearbyint(matrix.at(r, c) / unit) * unit);
  }
}

// Scores reach +-10,000 where `large`. Then q and k are multiples of powers of two, so that the scores are exact in
// f32: their rounding error would otherwise be an error of the exponent that no implementation can avoid.
Sequence random_sequence(const Shape& shape, int64_t length, bool large, Random& random) {
  Sequence s{random.matrix(length, shape.q_cols(), shape.q, 0, large ? 2000 : 1),
             random.matrix(length, shape.kv_cols(), shape.cache),
             random.matrix(length, shape.kv_cols(), shape.cache),
             {},
             {},
             {}};
  if (large) round_to_multiples(s.q, 256);
  // Cached and fresh keys must be the same numbers.
  const bool mixed = shape.fresh != SY_F32 && shape.fresh != shape.cache;
  if (large || mixed) round_to_multiples(s.k, 0.0625);
  if (mixed) round_to_multiples(s.v, 0.0625);
  s.exact_q = s.q.values();
  s.exact_k = s.k.values();
  s.exact_v = s.v.values();
  return s;
}

// softmax(scale * q[head] . k[kv_head]^T) times value columns first .. first + n - 1, for the query at `t`.
Doubles one_map(const Shape& shape, const Sequence& s, int64_t t, int64_t head, int64_t kv_head, int64_t first,
                int64_t n, float scale) {
  const int64_t d = shape.head_dim, begin = shape.window == 0 ? 0 : std::max<int64_t>(0, t - shape.window + 1);
  const double* q = &s.exact_q[static_cast<size_t>(t * shape.q_cols() + head * d)];
  Doubles scores, out(static_cast<size_t>(n), 0.0);
  double top = -HUGE_VAL, total = 0;
  for (int64_t j = begin; j <= t; ++j) {
    const double* k = &s.exact_k[static_cast<size_t>(j * shape.kv_cols() + kv_head * d)];
    double score = 0;
    for (int64_t i = 0; i < d; ++i) score += q[i] * k[i];
    scores.push_back(score * scale);
    top = std::max(top, scores.back());
  }
  for (double& score : scores) total += score = std::exp(score - top);
  for (int64_t j = begin; j <= t; ++j) {
    const double* v = &s.exact_v[static_cast<size_t>(j * shape.kv_cols() + first)];
    const double p = scores[static_cast<size_t>(j - begin)] / total;
    for (int64_t i = 0; i < n; ++i) out[static_cast<size_t>(i)] += p * v[i];
  }
  return out;
}

Doubles reference(const Shape& shape, const Sequence& s, int64_t first, int64_t rows, const Matrix& subln, float scale,
                  double lambda) {
  Doubles y;
  const int64_t d = shape.head_dim, queries = shape.heads / shape.kv_heads;
  for (int64_t t = first; t < first + rows; ++t) {
    if (!shape.differential) {
      for (int64_t h = 0; h < shape.heads; ++h) {
        const Doubles out = one_map(shape, s, t, h, h / queries, h / queries * d, d, scale);
        y.insert(y.end(), out.begin(), out.end());
      }
      continue;
    }
    for (int64_t p = 0; p < shape.heads / 2; ++p) {
      const int64_t g = p / queries;
      Doubles out = one_map(shape, s, t, 2 * p, 2 * g, 2 * g * d, 2 * d, scale);
      const Doubles second = one_map(shape, s, t, 2 * p + 1, 2 * g + 1, 2 * g * d, 2 * d, scale);
      double square = 0;
      for (size_t i = 0; i < out.size(); ++i) {
        out[i] -= lambda * second[i];
        square += out[i] * out[i] / static_cast<double>(out.size());
      }
      for (size_t i = 0; i < out.size(); ++i) {
        y.push_back(out[i] / std::sqrt(square + double{kEps}) * subln.at(0, static_cast<int64_t>(i)) *
                    double{kOutScale});
      }
    }
  }
  return y;
}

// A cache of both kinds: a table of shuffled blocks, or one ring per slot.
struct Cache {
  Matrix keys, values;
  std::vector<int32_t> table;  // [sequences, table_cols], of all sequences
  int32_t block_tokens, table_cols;

  sy_kv of(const std::vector<int64_t>& sequences, std::vector<int32_t>& rows_of_table) {
    rows_of_table.clear();
    for (int64_t s : sequences) {
      rows_of_table.insert(rows_of_table.end(), table.begin() + s * table_cols, table.begin() + (s + 1) * table_cols);
    }
    return {*keys.view(), *values.view(), block_tokens, table_cols, rows_of_table.data()};
  }
};

// Unwritten rows hold NaN, so that reading one shows.
Cache make_cache(const Shape& shape, int64_t sequences, int32_t block_tokens, int32_t table_cols, Random& random) {
  const int64_t rows = sequences * table_cols * block_tokens;
  // The CPU lays out rows without gaps between them in its own way.
  const int64_t gap = random.integer(0, 1) * 8;
  Cache cache{Matrix(rows, shape.kv_cols(), shape.cache, gap),
              Matrix(rows, shape.kv_cols(), shape.cache, 2 * gap),
              {},
              block_tokens,
              table_cols};
  for (int64_t i = 0; i < sequences * table_cols; ++i) cache.table.push_back(static_cast<int32_t>(i));
  for (int64_t i = sequences * table_cols - 1; i > 0; --i) {
    std::swap(cache.table[static_cast<size_t>(i)], cache.table[static_cast<size_t>(random.integer(0, i))]);
  }
  return cache;
}

sy_status run(sy_device* device, const Shape& shape, const sy_batch* batch, sy_tensor* q, sy_tensor* k, sy_tensor* v,
              const sy_kv* kv, sy_tensor* y, Matrix& subln, float scale, float lambda) {
  if (shape.differential) {
    const sy_diff_attention_args args{
        batch,        q,     k,      v,         kv,  subln.view(), y, shape.heads, shape.kv_heads, shape.head_dim,
        shape.window, scale, lambda, kOutScale, kEps};
    return sy_diff_attention(device, &args);
  }
  const sy_attention_args args{batch, q, k, v, kv, y, shape.heads, shape.kv_heads, shape.head_dim, shape.window, scale};
  return sy_attention(device, &args);
}

Doubles concat(const std::vector<Doubles>& parts) {
  Doubles all;
  for (const Doubles& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Sequences of unequal length, each fed in random pieces and batched; keys of the piece itself are given or already
// appended. Every piece equals the same rows of the sequence whole. Covers: decode after prefill = longer prefill,
// batch = each alone, paged = contiguous, ring = window, own keys = cross attention over the own cache.
void test_pieces(sy_device* device, const std::string& target, const Shape& shape, int64_t sequences, int64_t longest,
                 int32_t block_tokens, bool ring, bool large, Random& random) {
  const float scale = 1 / std::sqrt(static_cast<float>(shape.head_dim));
  const std::string what =
      shape.name() + (ring ? ", ring, " : ", blocks of ") + std::to_string(block_tokens) + ", " + target;
  Matrix subln = random.matrix(1, 2 * shape.head_dim);
  std::vector<Sequence> all;
  for (int64_t s = 0; s < sequences; ++s) {
    all.push_back(random_sequence(shape, s == 0 ? longest : random.integer(1, longest), large, random));
  }
  const int32_t table_cols = ring ? 1 : static_cast<int32_t>((longest + block_tokens - 1) / block_tokens);
  Cache cache = make_cache(shape, sequences, block_tokens, table_cols, random);
  std::vector<int64_t> done(static_cast<size_t>(sequences), 0);
  for (;;) {
    Batch batch;
    std::vector<int64_t> who, rows;
    for (int64_t s = 0; s < sequences; ++s) {
      const int64_t left = all[s].q.rows() - done[s];
      if (left == 0 || (batch.tokens() > 0 && random.integer(0, 3) == 0)) continue;
      who.push_back(s);
      rows.push_back(random.integer(1, random.integer(0, 2) == 0 ? 1 : left));
      batch.add(rows.back(), static_cast<int32_t>(s), done[s]);
    }
    if (who.empty()) break;
    const int64_t tokens = batch.tokens();
    Matrix q(tokens, shape.q_cols(), shape.q, 3 * shape.gap), y(tokens, shape.q_cols(), shape.y, 5 * shape.gap);
    Matrix k(tokens, shape.kv_cols(), shape.fresh, shape.gap), v(tokens, shape.kv_cols(), shape.fresh, 7 * shape.gap);
    std::vector<Doubles> want;
    for (size_t i = 0; i < who.size(); ++i) {
      const Sequence& from = all[who[i]];
      for (int64_t r = 0; r < rows[i]; ++r) {
        const int64_t to = batch.seq_start[i] + r, t = done[who[i]] + r;
        for (int64_t c = 0; c < q.cols(); ++c) q.set(to, c, from.q.at(t, c));
        for (int64_t c = 0; c < k.cols(); ++c) k.set(to, c, from.k.at(t, c));
        for (int64_t c = 0; c < v.cols(); ++c) v.set(to, c, from.v.at(t, c));
      }
      want.push_back(reference(shape, from, done[who[i]], rows[i], subln, scale, double{kLambda}));
      done[who[i]] += rows[i];
    }
    std::vector<int32_t> table;
    sy_kv kv = cache.of(who, table);
    const sy_kv_append_args append{batch.get(), k.view(), v.view(), &kv};
    // A ring that is short of rows can serve the piece only before its own keys overwrite the oldest.
    const bool own = ring || random.integer(0, 1) == 0;
    if (!own) expect_ok(sy_kv_append(device, &append), what);
    expect_ok(run(device, shape, batch.get(), q.view(), own ? k.view() : nullptr, own ? v.view() : nullptr, &kv,
                  y.view(), subln, scale, kLambda),
              what);
    expect_near(y, concat(want), tolerance(shape), what + (own ? ", own keys" : ", keys from the cache"));
    if (own) expect_ok(sy_kv_append(device, &append), what);
  }

  // What the cache holds can be read back.
  for (int64_t s = 0; s < sequences; ++s) {
    std::vector<int32_t> table;
    const sy_kv kv = cache.of({0, s}, table);
    const int64_t kept = std::min<int64_t>(all[s].k.rows(), int64_t{block_tokens} * table_cols);
    const int64_t first = all[s].k.rows() - kept;
    Matrix k(kept, shape.kv_cols(), SY_F32, 1), v(kept, shape.kv_cols(), SY_F32);
    const sy_kv_read_args read{&kv, 1, static_cast<int32_t>(first), k.view(), v.view()};
    expect_ok(sy_kv_read(device, &read), what);
    for (int64_t r = 0; r < kept; ++r) {
      for (int64_t c = 0; c < shape.kv_cols(); ++c) {
        if (!CHECK(k.at(r, c) == all[s].k.at(first + r, c) && v.at(r, c) == all[s].v.at(first + r, c),
                   "kv_read %s: position %d differs", what.c_str(), static_cast<int>(first + r))) {
          return;
        }
      }
    }
  }
}

// The widths and groupings that a card has fast kernels for, and some that share them.
void test_sixteen_bit_shapes(sy_device* device, const std::string& target, Random& random) {
  const Shape shapes[] = {
      {8, 4, 64, 0, true, 0, 0, 0, 0},   {4, 4, 64, 0, true, 0, 0, 0, 0},    {8, 2, 64, 0, true, 0, 0, 0, 0},
      {6, 2, 64, 0, true, 0, 0, 0, 0},   {6, 2, 128, 0, false, 0, 0, 0, 0},  {8, 2, 128, 0, false, 0, 0, 0, 0},
      {2, 2, 128, 0, false, 0, 0, 0, 0}, {10, 2, 128, 0, false, 0, 0, 0, 0}, {4, 2, 64, 0, false, 0, 0, 0, 0},
      {8, 2, 64, 0, false, 0, 0, 0, 0},  {3, 3, 64, 0, false, 0, 0, 0, 0},   {10, 2, 64, 0, false, 0, 0, 0, 0},
  };
  for (Shape shape : shapes) {
    for (sy_dtype storage : {SY_BF16, SY_F16}) {
      shape.q = shape.fresh = shape.cache = shape.y = storage;
      shape.gap = 8;
      shape.window = 0;
      test_pieces(device, target, shape, 2, 140, static_cast<int32_t>(random.integer(1, 70)), false, false, random);
      shape.window = static_cast<int32_t>(random.integer(1, 100));
      test_pieces(device, target, shape, 2, 140, shape.window, true, false, random);
      shape.q = shape.y = SY_F32;
      test_pieces(device, target, shape, 2, 50, shape.window + 7, true, false, random);
    }
  }
}

// Every length of a prompt up to more than a tile of keys, and a long one: as one chunk of its own keys, and each row
// of it as a decode step over the cache.
void test_lengths(sy_device* device, const std::string& target, Random& random) {
  for (const bool differential : {true, false}) {
    const Shape shape{4, 2, 64, 40, differential, SY_F16, SY_F16, SY_F16, SY_F16, 8};
    const int64_t longest = 777;
    const float scale = 0.125f;
    Matrix subln = random.matrix(1, 2 * shape.head_dim);
    Sequence s = random_sequence(shape, longest, false, random);
    std::vector<int64_t> lengths;
    for (int64_t length = 1; length <= 70; length += differential ? 1 : 7) lengths.push_back(length);
    lengths.push_back(longest);
    for (const int64_t length : lengths) {
      Batch batch;
      batch.add(length, 0, 0);
      sy_tensor q = s.q.part(0, length, 0, s.q.cols());
      sy_tensor k = s.k.part(0, length, 0, s.k.cols()), v = s.v.part(0, length, 0, s.v.cols());
      Matrix y(length, shape.q_cols(), shape.y, 8);
      const std::string what = shape.name() + ", " + std::to_string(length) + " rows, " + target;
      expect_ok(run(device, shape, batch.get(), &q, &k, &v, nullptr, y.view(), subln, scale, kLambda), what);
      const Doubles want = reference(shape, s, 0, length, subln, scale, double{kLambda});
      expect_near(y, want, tolerance(shape), what);
      if (length < 70) continue;

      // One sequence a row, all of them over the same keys.
      const int32_t block_tokens = static_cast<int32_t>(length);
      std::vector<int32_t> table(static_cast<size_t>(length), 0);
      const sy_kv kv{k, v, block_tokens, 1, table.data()};
      Batch steps;
      for (int64_t t = 0; t < length; ++t) steps.add(1, static_cast<int32_t>(t), t);
      Matrix rows(length, shape.q_cols(), shape.y);
      expect_ok(run(device, shape, steps.get(), &q, nullptr, nullptr, &kv, rows.view(), subln, scale, kLambda), what);
      expect_near(rows, want, tolerance(shape), what + " one by one");
    }
  }
}

// A graph recorded once gives what the same steps give one by one, at lengths that grow and with blocks that change.
void test_graph(sy_device* device, const std::string& target, Random& random) {
  if (device_under_test() == "cpu") {
    std::printf("skipped the graph of attention: the CPU keeps none\n");
    return;
  }
  const Shape shape{8, 4, 64, 0, true, SY_BF16, SY_BF16, SY_BF16, SY_BF16, 8};
  Cache cache = make_cache(shape, 2, 16, 30, random);
  random.fill(cache.keys);
  random.fill(cache.values);
  Matrix q = random.matrix(2, shape.q_cols(), shape.q), subln = random.matrix(1, 2 * shape.head_dim);
  Matrix k = random.matrix(2, shape.kv_cols(), shape.fresh), v = random.matrix(2, shape.kv_cols(), shape.fresh);
  Matrix y(2, shape.q_cols(), shape.y), again(2, shape.q_cols(), shape.y);
  std::vector<int32_t> table;
  sy_kv kv = cache.of({0, 1}, table);
  Batch batch;
  batch.add(1, 0, 477);
  batch.add(1, 1, 40);
  const sy_kv_append_args append{batch.get(), k.view(), v.view(), &kv};
  const auto step = [&](Matrix& to) {
    expect_ok(sy_kv_append(device, &append), target);
    expect_ok(run(device, shape, &batch.view, q.view(), nullptr, nullptr, &kv, to.view(), subln, 0.125f, kLambda),
              target);
  };
  step(again);
  sy_graph* graph = nullptr;
  expect_ok(sy_graph_begin(device), target);
  step(y);
  expect_ok(sy_graph_end(device, &graph), target);
  for (const auto& [first, second] : {std::pair{0, 3}, {63, 64}, {300, 479}, {479, 128}}) {
    batch.position[0] = first;
    batch.position[1] = second;
    std::swap(table[3], table[30 + 5]);
    random.fill(q);
    random.fill(k);
    step(again);
    expect_ok(sy_graph_launch(device, graph), target);
    CHECK(y.same_bytes(again), "%s: at positions %d and %d a graph gives other bits", target.c_str(), first, second);
  }
  sy_graph_destroy(graph);
}

// A window at least as long as the sequence is no window, and lambda 0 is ordinary attention of the first of each pair.
void test_identities(sy_device* device, const std::string& target, Random& random) {
  const int64_t length = 70;
  Shape shape{8, 4, 20, 0, true, SY_F32, SY_F32, SY_F32, SY_F32};
  Sequence s = random_sequence(shape, length, false, random);
  Matrix subln = random.matrix(1, 2 * shape.head_dim), full(length, shape.q_cols()), other(length, shape.q_cols());
  Batch batch;
  batch.add(length, 0, 0);
  const float scale = 0.2f;
  const auto attend = [&](const Shape& as, Matrix& y, float lambda) {
    expect_ok(run(device, as, batch.get(), s.q.view(), s.k.view(), s.v.view(), nullptr, y.view(), subln, scale, lambda),
              target);
  };
  for (bool differential : {false, true}) {
    shape.differential = differential;
    shape.window = 0;
    attend(shape, full, kLambda);
    for (int32_t window : {70, 71, 100000, INT32_MAX}) {
      shape.window = window;
      attend(shape, other, kLambda);
      CHECK(full.same_bytes(other), "%s: window %d differs from none", target.c_str(), window);
    }
    shape.window = 1;  // each sees itself: the value of its own position
    attend(shape, other, kLambda);
    expect_near(other, reference(shape, s, 0, length, subln, scale, double{kLambda}), "window 1, " + target);
  }

  shape.window = 0;
  shape.differential = true;
  attend(shape, full, 0);
  Shape wide = shape;  // heads 2p as ordinary heads with values of both KV heads
  Doubles want;
  for (int64_t t = 0; t < length; ++t) {
    for (int64_t p = 0; p < shape.heads / 2; ++p) {
      const int64_t g = p / (shape.heads / shape.kv_heads), d = shape.head_dim;
      const Doubles out = one_map(wide, s, t, 2 * p, 2 * g, 2 * g * d, 2 * d, scale);
      double square = 0;
      for (double value : out) square += value * value / static_cast<double>(2 * d);
      for (size_t i = 0; i < out.size(); ++i) {
        want.push_back(out[i] / std::sqrt(square + double{kEps}) * subln.at(0, static_cast<int64_t>(i)) *
                       double{kOutScale});
      }
    }
  }
  expect_near(full, want, "lambda 0, " + target);
}

// The rest of the batch changes nothing, not even the last bit; nor does the number of threads: `results` of other
// devices of the same target.
void test_alone(sy_device* device, const std::string& target, const Shape& shape, std::vector<Matrix>& results) {
  const int64_t past = 3000;
  Random random;
  Cache cache = make_cache(shape, 2, 64, 50, random);
  random.fill(cache.keys);
  random.fill(cache.values);
  Matrix q = random.matrix(2, shape.q_cols(), shape.q), subln = random.matrix(1, 2 * shape.head_dim);
  std::vector<int32_t> table;
  const sy_kv both = cache.of({0, 1}, table);
  Batch batch;
  batch.add(1, 0, past);
  batch.add(1, 1, past / 2);
  Matrix y(2, shape.q_cols(), shape.y);
  expect_ok(run(device, shape, batch.get(), q.view(), nullptr, nullptr, &both, y.view(), subln, 0.25f, kLambda),
            target);
  Batch alone;
  alone.add(1, 1, past / 2);
  const sy_kv second = cache.of({1}, table);
  Matrix single(1, shape.q_cols(), shape.y);
  sy_tensor q_second = q.part(1, 1, 0, shape.q_cols());
  expect_ok(run(device, shape, alone.get(), &q_second, nullptr, nullptr, &second, single.view(), subln, 0.25f, kLambda),
            target);
  for (int64_t c = 0; c < shape.q_cols(); ++c) {
    CHECK(single.at(0, c) == y.at(1, c), "%s: a sequence alone differs from itself in a batch", target.c_str());
  }
  results.push_back(y);
}

void test_determinism() {
  const Shape shapes[] = {{8, 4, 16, 0, true, SY_F32, SY_F32, SY_BF16, SY_F32},
                          {8, 4, 64, 0, true, SY_BF16, SY_BF16, SY_BF16, SY_BF16, 8},
                          {6, 2, 128, 0, false, SY_F16, SY_F16, SY_F16, SY_F32, 8}};
  for (const Shape& shape : shapes) {
    std::vector<Matrix> results;
    if (device_under_test() != "cpu") {
      test_alone(card(), device_under_test(), shape, results);
      continue;
    }
    for (const char* target : {"scalar", "avx2", "avx512", "amx"}) {
      if (sy_cpu_target_supported(target) == 0) continue;
      results.clear();
      for (int threads : {1, 2, 5}) {
        sy_device* device = nullptr;
        expect_ok(sy_device_create("cpu", target, threads, &device), target);
        test_alone(device, target, shape, results);
        sy_device_destroy(device);
      }
      CHECK(results[0].same_bytes(results[1]) && results[0].same_bytes(results[2]),
            "%s: the result depends on the number of threads", target);
    }
  }
}

}  // namespace

int main() {
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    const auto any = [&] { return random.dtype(); };
    for (int32_t d : {1, 2, 7, 8, 9, 10, 15, 16, 17, 31, 33, 64, 65}) {
      for (bool differential : {false, true}) {
        const int32_t kv_heads = 2 * static_cast<int32_t>(random.integer(1, 2));
        const int32_t heads = kv_heads * static_cast<int32_t>(random.integer(1, 4));
        const Shape full{heads, kv_heads, d, 0, differential, any(), any(), any(), any()};
        test_pieces(device, target, full, 3, 90, static_cast<int32_t>(random.integer(1, 20)), false, false, random);
        const int32_t window = static_cast<int32_t>(random.integer(1, 40));
        const Shape windowed{heads, kv_heads, d, window, differential, any(), any(), any(), any()};
        test_pieces(device, target, windowed, 3, 90, window, true, false, random);
        test_pieces(device, target, windowed, 3, 90, window + 7, true, false, random);
        test_pieces(device, target, windowed, 2, 60, 16, false, false, random);
      }
    }
    // 24 heads on 8: three queries to a KV head. Scores of +-10,000: one key takes all.
    test_pieces(device, target, {24, 8, 128, 0, false, SY_F32, SY_F32, SY_F32, SY_F32}, 2, 80, 16, false, false,
                random);
    test_pieces(device, target, {4, 2, 64, 0, true, SY_F32, SY_F32, SY_F32, SY_F32}, 2, 150, 16, false, true, random);
    test_pieces(device, target, {4, 2, 64, 0, false, SY_F32, SY_F32, SY_F32, SY_F32}, 2, 150, 16, false, true, random);
    test_identities(device, target, random);
  });
  // The real model's shapes, and contexts long enough to be split over works.
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    test_pieces(device, target, {40, 20, 64, 512, true, SY_F32, SY_BF16, SY_BF16, SY_F32, 8}, 1, 530, 512, true, false,
                random);
    test_pieces(device, target, {4, 2, 16, 0, true, SY_F32, SY_F32, SY_BF16, SY_F32}, 3, 1700, 64, false, false,
                random);
    test_pieces(device, target, {6, 2, 16, 0, false, SY_F32, SY_F32, SY_F16, SY_F32}, 3, 1300, 1300, false, false,
                random);
  });
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    test_sixteen_bit_shapes(device, target, random);
    test_lengths(device, target, random);
    test_graph(device, target, random);
  });
  test_determinism();
  return finish();
}
