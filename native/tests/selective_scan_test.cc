#include "matrix.h"

using namespace sambay::test;

namespace {

double softplus(double v) { return std::max(v, 0.0) + std::log1p(std::exp(-std::fabs(v))); }

// One sequence of inputs and the recurrence over it in double precision.
struct Sequence {
  Matrix x, delta, b, c, z;
  Doubles ungated, gated, state;  // [tokens, inner] twice, [state, inner] after the last token
};

struct Layer {
  Matrix a, delta_bias, d;
  int64_t inner() const { return a.cols(); }
  int64_t states() const { return a.rows(); }
};

Layer random_layer(int64_t inner, int64_t states, Random& random) {
  Layer layer{Matrix(states, inner, SY_F32, 2), random.matrix(1, inner), random.matrix(1, inner)};
  for (int64_t n = 0; n < states; ++n) {
    for (int64_t i = 0; i < inner; ++i) layer.a.set(n, i, -std::exp(random.uniform(-3, 3)));
  }
  return layer;
}

Sequence random_sequence(const Layer& layer, int64_t tokens, sy_dtype dtype, bool extreme, Random& random) {
  const int64_t inner = layer.inner(), states = layer.states();
  Sequence s{random.matrix(tokens, inner, dtype),
             random.matrix(tokens, inner, dtype, 0, 2),
             random.matrix(tokens, states, dtype),
             random.matrix(tokens, states, dtype),
             random.matrix(tokens, inner, dtype),
             {},
             {},
             Doubles(static_cast<size_t>(states * inner), 0.0)};
  for (int64_t t = 0; extreme && t < tokens; ++t) {
    for (int64_t i = 0; i < inner; ++i) s.delta.set(t, i, random.uniform(-90, 100));
  }
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < inner; ++i) {
      const double step = softplus(s.delta.at(t, i) + layer.delta_bias.at(0, i)), x = s.x.at(t, i);
      double y = layer.d.at(0, i) * x;
      for (int64_t n = 0; n < states; ++n) {
        double& state = s.state[static_cast<size_t>(n * inner + i)];
        state = std::exp(step * layer.a.at(n, i)) * state + step * s.b.at(t, n) * x;
        y += state * s.c.at(t, n);
      }
      const double z = s.z.at(t, i);
      s.ungated.push_back(y);
      s.gated.push_back(y * z / (1 + std::exp(-z)));
    }
  }
  return s;
}

void copy_rows(const Matrix& from, int64_t from_row, int64_t n, Matrix& to, int64_t to_row) {
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t c = 0; c < from.cols(); ++c) to.set(to_row + r, c, from.at(from_row + r, c));
  }
}

// Sequences in slots, each fed in random pieces and batched: every piece equals the same rows of the sequence scanned
// whole, and so does the state at the end. Covers: split = whole, decode after prefill, batch = each alone.
void test_pieces(sy_device* device, const std::string& target, int64_t inner, int64_t states, sy_dtype dtype,
                 sy_dtype y_dtype, bool extreme, int64_t longest, Random& random) {
  const std::string what = target + ", inner " + std::to_string(inner) + ", state " + std::to_string(states) +
                           (extreme ? ", extreme delta" : "");
  const int64_t sequences = 3;
  const int32_t slot_of[] = {2, 0, 3};
  Layer layer = random_layer(inner, states, random);
  std::vector<Sequence> all;
  for (int64_t s = 0; s < sequences; ++s) {
    all.push_back(random_sequence(layer, random.integer(1, longest), dtype, extreme, random));
  }
  Matrix state = random.matrix(4 * states, inner, SY_F32, 3, 1000);  // an earlier sequence's, to be ignored
  const Matrix before = state;
  std::vector<int64_t> done(sequences, 0);
  for (;;) {
    Batch batch;
    std::vector<int64_t> who, rows;
    for (int64_t s = 0; s < sequences; ++s) {
      const int64_t left = all[s].x.rows() - done[s];
      if (left == 0 || (batch.tokens() > 0 && random.integer(0, 3) == 0)) continue;
      who.push_back(s);
      rows.push_back(random.integer(1, random.integer(0, 1) == 0 ? 1 : left));
      batch.add(rows.back(), slot_of[s], done[s]);
    }
    if (who.empty()) break;
    const int64_t tokens = batch.tokens();
    Matrix x(tokens, inner, dtype, 1), delta(tokens, inner, dtype, 2), z(tokens, inner, dtype, 3);
    Matrix b(tokens, states, dtype, 4), c(tokens, states, dtype, 5);
    Matrix y(tokens, inner, y_dtype, 6), ungated(tokens, inner, y_dtype, 0);
    Doubles want_y, want_ungated;
    for (size_t i = 0; i < who.size(); ++i) {
      const Sequence& from = all[who[i]];
      const int64_t first = done[who[i]], to = batch.seq_start[i];
      copy_rows(from.x, first, rows[i], x, to);
      copy_rows(from.delta, first, rows[i], delta, to);
      copy_rows(from.z, first, rows[i], z, to);
      copy_rows(from.b, first, rows[i], b, to);
      copy_rows(from.c, first, rows[i], c, to);
      want_y.insert(want_y.end(), from.gated.begin() + first * inner, from.gated.begin() + (first + rows[i]) * inner);
      want_ungated.insert(want_ungated.end(), from.ungated.begin() + first * inner,
                          from.ungated.begin() + (first + rows[i]) * inner);
      done[who[i]] += rows[i];
    }
    sy_selective_scan_args args{batch.get(),    x.view(),     delta.view(), layer.delta_bias.view(),
                                layer.a.view(), b.view(),     c.view(),     layer.d.view(),
                                z.view(),       state.view(), y.view(),     ungated.view()};
    // One call in three wants only one of the results, as most layers and the last one do.
    const int64_t form = random.integer(0, 2);
    if (form == 1) args.y_ungated = nullptr;
    if (form == 2) args.y = nullptr;
    expect_ok(sy_selective_scan(device, &args), what);
    if (args.y != nullptr) expect_near(y, want_y, "selective_scan " + what);
    if (args.y_ungated != nullptr) expect_near(ungated, want_ungated, "selective_scan, ungated, " + what);
  }
  for (int64_t s = 0; s < sequences; ++s) {
    Matrix left(states, inner);
    copy_rows(state, slot_of[s] * states, states, left, 0);
    expect_near(left, all[s].state, "state of " + what);
  }
  for (int64_t n = states; n < 2 * states; ++n) {
    for (int64_t i = 0; i < inner; ++i)
      CHECK(state.at(n, i) == before.at(n, i), "%s: a foreign slot changed", what.c_str());
  }
  CHECK(state.gaps_intact(), "%s: elements between the rows of the state were written", what.c_str());
}

// Without bias, d and z, and in place.
void test_optional(sy_device* device, const std::string& target, Random& random) {
  const int64_t inner = 37, states = 16, tokens = 21;
  Layer layer = random_layer(inner, states, random);
  for (int64_t i = 0; i < inner; ++i) {
    layer.delta_bias.set(0, i, 0);
    layer.d.set(0, i, 0);
  }
  Sequence s = random_sequence(layer, tokens, SY_F32, false, random);
  Matrix state(states, inner);
  Batch batch;
  batch.add(tokens, 0, 0);
  sy_selective_scan_args args{batch.get(), s.x.view(), s.delta.view(), nullptr,      layer.a.view(), s.b.view(),
                              s.c.view(),  nullptr,    nullptr,        state.view(), s.x.view(),     nullptr};
  expect_ok(sy_selective_scan(device, &args), target);
  expect_near(s.x, s.ungated, "selective_scan in place, no bias, d, z, " + target);
}

}  // namespace

int main() {
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    for (int64_t inner : {1, 7, 8, 9, 15, 16, 17, 127, 128, 129}) {
      test_pieces(device, target, inner, 16, random.dtype(), random.dtype(), false, 40, random);
    }
    for (int64_t states : {1, 2, 3, 4, 5, 15, 17, 33}) {
      test_pieces(device, target, 24, states, SY_F32, SY_F32, false, 40, random);
    }
    for (int round = 0; round < 5; ++round) test_pieces(device, target, 48, 16, SY_F32, SY_F32, true, 70, random);
    test_pieces(device, target, 5120, 16, SY_F32, SY_F32, false, 20, random);
    test_pieces(device, target, 5120, 16, SY_BF16, SY_BF16, false, 20, random);
    test_optional(device, target, random);
  });
  return finish();
}
