// The CUDA kernels of Mamba on the SIMT shim, in the shapes they are made for (whole 16-byte pieces, 16 states), which
// the tests of the C ABI rarely hit: every order of threads, every way to cut a sequence, and every kernel that can
// compute a row give it the same bits.
#include <cstdlib>
#include <string>
#include <vector>

#include "cuda/ops.h"
#include "matrix.h"
#include "simt/orders.h"

using namespace sambay::test;
using sambay::cuda::Queue;

namespace {

constexpr int64_t kStates = 16, kTaps = 4;

// An operation as the plug-in runs it.
template <class Args>
void run(Queue& queue, void (*operation)(Queue&, const Args&), const Args& args) {
  queue.begin_operation();
  operation(queue, args);
  queue.finish_operation();
}

struct Layer {
  Matrix a, delta_bias, d, conv_weight, conv_bias;
};

Layer random_layer(int64_t inner, Random& random) {
  Layer layer{Matrix(kStates, inner), random.matrix(1, inner), random.matrix(1, inner), random.matrix(kTaps, inner),
              random.matrix(1, inner)};
  for (int64_t n = 0; n < kStates; ++n) {
    for (int64_t i = 0; i < inner; ++i) layer.a.set(n, i, -std::exp(random.uniform(-3, 3)));
  }
  return layer;
}

// Inputs of several sequences end to end, and what an operation leaves behind.
struct Inputs {
  Matrix x, delta, b, c, z;
};
struct Outputs {
  Matrix y, ungated, state;
  bool same_bytes(const Outputs& other) const {
    return y.same_bytes(other.y) && ungated.same_bytes(other.ungated) && state.same_bytes(other.state);
  }
};

void copy_rows(const Matrix& from, int64_t from_row, int64_t n, Matrix& to, int64_t to_row) {
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t c = 0; c < from.cols(); ++c) to.set(to_row + r, c, from.at(from_row + r, c));
  }
}

Matrix some_rows(const Matrix& from, int64_t first, int64_t n, int64_t gap) {
  Matrix result(n, from.cols(), from.dtype(), gap);
  copy_rows(from, first, n, result, 0);
  return result;
}

struct Sequences {
  std::vector<int64_t> rows;
  std::vector<int64_t> position;
  int64_t count() const { return static_cast<int64_t>(rows.size()); }
};

// One launch over pieces of the sequences: rows first[s] .. first[s] + n[s] - 1 of each, none where n[s] is 0. `gap`
// elements between the rows: a multiple of 8 for the kernels that move 16 bytes at a time.
void scan_pieces(Queue& queue, Layer& layer, const Inputs& all, const Sequences& sequences,
                 const std::vector<int64_t>& first, const std::vector<int64_t>& n, int64_t gap, Outputs& outputs) {
  Batch batch;
  std::vector<int64_t> from, to;
  int64_t begin = 0;
  for (int64_t s = 0; s < sequences.count(); ++s) {
    const auto i = static_cast<size_t>(s);
    if (n[i] > 0) {
      from.push_back(begin + first[i]);
      to.push_back(batch.tokens());
      // slots in descending order, so that a slot is not by chance the index of its sequence
      batch.add(n[i], static_cast<int32_t>(sequences.count() - 1 - s), sequences.position[i] + first[i]);
    }
    begin += sequences.rows[i];
  }
  const int64_t tokens = batch.tokens(), inner = all.x.cols();
  const sy_dtype dtype = all.x.dtype();
  Inputs in{Matrix(tokens, inner, dtype, gap), Matrix(tokens, inner, dtype, gap), Matrix(tokens, kStates, dtype, gap),
            Matrix(tokens, kStates, dtype, gap), Matrix(tokens, inner, dtype, gap)};
  Matrix y(tokens, inner, dtype, gap), ungated(tokens, inner, SY_F32, gap);
  for (size_t i = 0; i < from.size(); ++i) {
    const int64_t rows = batch.seq_start[i + 1] - batch.seq_start[i];
    copy_rows(all.x, from[i], rows, in.x, to[i]);
    copy_rows(all.delta, from[i], rows, in.delta, to[i]);
    copy_rows(all.b, from[i], rows, in.b, to[i]);
    copy_rows(all.c, from[i], rows, in.c, to[i]);
    copy_rows(all.z, from[i], rows, in.z, to[i]);
  }
  run(queue, sambay::cuda::selective_scan,
      sy_selective_scan_args{batch.get(), in.x.view(), in.delta.view(), layer.delta_bias.view(), layer.a.view(),
                             in.b.view(), in.c.view(), layer.d.view(), in.z.view(), outputs.state.view(), y.view(),
                             ungated.view()});
  CHECK(y.gaps_intact() && ungated.gaps_intact(), "elements between the rows were written");
  for (size_t i = 0; i < from.size(); ++i) {
    const int64_t rows = batch.seq_start[i + 1] - batch.seq_start[i];
    copy_rows(y, to[i], rows, outputs.y, from[i]);
    copy_rows(ungated, to[i], rows, outputs.ungated, from[i]);
  }
}

// Everything in one launch.
Outputs scan_whole(Queue& queue, Layer& layer, const Inputs& all, const Sequences& sequences, int64_t gap,
                   const Matrix& state) {
  Outputs outputs{Matrix(all.x.rows(), all.x.cols(), all.x.dtype()), Matrix(all.x.rows(), all.x.cols()), state};
  scan_pieces(queue, layer, all, sequences, std::vector<int64_t>(sequences.rows.size(), 0), sequences.rows, gap,
              outputs);
  return outputs;
}

// In pieces of random lengths, several sequences to a launch.
Outputs scan_cut(Queue& queue, Layer& layer, const Inputs& all, const Sequences& sequences, int64_t gap,
                 const Matrix& state, Random& random) {
  Outputs outputs{Matrix(all.x.rows(), all.x.cols(), all.x.dtype()), Matrix(all.x.rows(), all.x.cols()), state};
  std::vector<int64_t> done(sequences.rows.size(), 0);
  for (;;) {
    std::vector<int64_t> n(done.size(), 0);
    int64_t left = 0;
    for (size_t s = 0; s < done.size(); ++s) {
      left += sequences.rows[s] - done[s];
      n[s] = std::min(sequences.rows[s] - done[s], random.integer(0, random.integer(0, 2) == 0 ? 1 : 80));
    }
    if (left == 0) return outputs;
    if (std::count(n.begin(), n.end(), 0) == static_cast<std::ptrdiff_t>(n.size())) continue;
    scan_pieces(queue, layer, all, sequences, done, n, gap, outputs);
    for (size_t s = 0; s < done.size(); ++s) done[s] += n[s];
  }
}

Outputs scan_alone(Queue& queue, Layer& layer, const Inputs& all, const Sequences& sequences, int64_t gap,
                   const Matrix& state) {
  Outputs outputs{Matrix(all.x.rows(), all.x.cols(), all.x.dtype()), Matrix(all.x.rows(), all.x.cols()), state};
  for (size_t s = 0; s < sequences.rows.size(); ++s) {
    std::vector<int64_t> n(sequences.rows.size(), 0);
    n[s] = sequences.rows[s];
    scan_pieces(queue, layer, all, sequences, std::vector<int64_t>(n.size(), 0), n, gap, outputs);
  }
  return outputs;
}

double softplus(double v) { return std::max(v, 0.0) + std::log1p(std::exp(-std::fabs(v))); }

void expect_reference(const Layer& layer, const Inputs& all, const Sequences& sequences, const Matrix& before,
                      const Outputs& got, const std::string& what) {
  const int64_t inner = all.x.cols();
  Doubles ungated, gated, states(static_cast<size_t>(before.rows() * inner));
  int64_t row = 0;
  for (int64_t s = 0; s < sequences.count(); ++s) {
    const int64_t slot = sequences.count() - 1 - s, end = row + sequences.rows[static_cast<size_t>(s)];
    Doubles state;
    for (int64_t i = 0; i < kStates * inner; ++i) {
      const bool fresh = sequences.position[static_cast<size_t>(s)] == 0;
      state.push_back(fresh ? 0 : before.at(slot * kStates + i / inner, i % inner));
    }
    for (; row < end; ++row) {
      for (int64_t i = 0; i < inner; ++i) {
        const double step = softplus(all.delta.at(row, i) + layer.delta_bias.at(0, i)), x = all.x.at(row, i);
        double y = layer.d.at(0, i) * x;
        for (int64_t n = 0; n < kStates; ++n) {
          double& h = state[static_cast<size_t>(n * inner + i)];
          h = std::exp(step * layer.a.at(n, i)) * h + step * all.b.at(row, n) * x;
          y += h * all.c.at(row, n);
        }
        const double z = all.z.at(row, i);
        ungated.push_back(y);
        gated.push_back(y * z / (1 + std::exp(-z)));
      }
    }
    std::copy(state.begin(), state.end(), states.begin() + slot * kStates * inner);
  }
  expect_near(got.y, gated, "y, " + what);
  expect_near(got.ungated, ungated, "ungated y, " + what);
  expect_near(got.state, states, "state, " + what);
}

void test_scan(const char* capability, int64_t inner, const std::vector<int64_t>& lengths, sy_dtype dtype) {
  setenv("SAMBAY_SIMT_CAPABILITY", capability, 1);
  Queue queue(0);
  Random random;
  Layer layer = random_layer(inner, random);
  Sequences sequences;
  int64_t tokens = 0;
  for (int64_t rows : lengths) {
    sequences.rows.push_back(rows);
    sequences.position.push_back(random.integer(0, 1) * random.integer(1, 1000));
    tokens += rows;
  }
  const Inputs all{random.matrix(tokens, inner, dtype), random.matrix(tokens, inner, dtype, 0, 2),
                   random.matrix(tokens, kStates, dtype), random.matrix(tokens, kStates, dtype),
                   random.matrix(tokens, inner, dtype)};
  const Matrix state = random.matrix(sequences.count() * kStates, inner);
  const std::string what = "sm_" + std::string(capability) + ", inner " + std::to_string(inner) + ", " +
                           std::to_string(sequences.count()) + " sequences, dtype " + std::to_string(dtype);

  const Outputs whole = scan_whole(queue, layer, all, sequences, 8, state);
  expect_reference(layer, all, sequences, state, whole, what);
  for_each_order([&](const std::string& order) {
    CHECK(scan_whole(queue, layer, all, sequences, 8, state).same_bytes(whole), "%s, %s: other bits", what.c_str(),
          order.c_str());
  });
  CHECK(scan_alone(queue, layer, all, sequences, 16, state).same_bytes(whole), "%s: each alone has other bits",
        what.c_str());
  CHECK(scan_cut(queue, layer, all, sequences, 8, state, random).same_bytes(whole),
        "%s: cut to pieces it has other bits", what.c_str());
  CHECK(scan_whole(queue, layer, all, sequences, 3, state).same_bytes(whole), "%s: unaligned rows give other bits",
        what.c_str());
}

// y in the place of x; and without d, z, bias.
void test_scan_in_place(sy_dtype dtype) {
  Queue queue(0);
  Random random;
  const int64_t inner = 72, tokens = 150;
  Layer layer = random_layer(inner, random);
  Matrix x = random.matrix(tokens, inner, dtype), delta = random.matrix(tokens, inner, dtype);
  Matrix b = random.matrix(tokens, kStates, dtype), c = random.matrix(tokens, kStates, dtype);
  Matrix y(tokens, inner, dtype), state(kStates, inner);
  Batch batch;
  batch.add(tokens, 0, 0);
  sy_selective_scan_args args{batch.get(), x.view(), delta.view(), nullptr,      layer.a.view(), b.view(),
                              c.view(),    nullptr,  nullptr,      state.view(), y.view(),       nullptr};
  run(queue, sambay::cuda::selective_scan, args);
  args.y = x.view();
  run(queue, sambay::cuda::selective_scan, args);
  CHECK(x.same_bytes(y), "in place the scan gives other bits, dtype %d", dtype);
}

// Extreme delta, where softplus is far below and far above 1.
void test_softplus() {
  Queue queue(0);
  const int64_t inner = 16, tokens = 64;
  Matrix ones(tokens, inner), delta(tokens, inner), b(tokens, kStates), c(tokens, kStates), a(kStates, inner);
  Matrix state(kStates, inner), y(tokens, inner);
  for (int64_t i = 0; i < inner; ++i) {
    for (int64_t t = 0; t < tokens; ++t) {
      ones.set(t, i, 1);
      delta.set(t, i, -95 + 0.15 * static_cast<double>(t * inner + i));
      b.set(t, i, i == 0 ? 1 : 0);
      c.set(t, i, i == 0 ? 1 : 0);
    }
    for (int64_t n = 0; n < kStates; ++n) a.set(n, i, -3e38);  // forgets everything but a step of 0
  }
  Batch batch;
  batch.add(tokens, 0, 0);
  run(queue, sambay::cuda::selective_scan,
      sy_selective_scan_args{batch.get(), ones.view(), delta.view(), nullptr, a.view(), b.view(), c.view(), nullptr,
                             nullptr, state.view(), y.view(), nullptr});
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < inner; ++i) {
      const double want = softplus(delta.at(t, i));
      CHECK(std::fabs(y.at(t, i) - want) <= 2e-6 * want + 1e-44, "softplus(%g) is %g, expected %g", delta.at(t, i),
            y.at(t, i), want);
    }
  }
}

void test_conv(int64_t inner, sy_dtype dtype, sy_dtype tail_dtype) {
  Queue queue(0);
  Random random;
  const std::vector<int64_t> lengths = {1, 37, 2, 100, 1, 3};
  Layer layer = random_layer(inner, random);
  Batch batch;
  for (size_t s = 0; s < lengths.size(); ++s) {
    batch.add(lengths[s], static_cast<int32_t>(lengths.size() - 1 - s), random.integer(0, 1) * 17);
  }
  const auto slots = static_cast<int64_t>(lengths.size());
  const int64_t tokens = batch.tokens();
  const Matrix x = random.matrix(tokens, inner, dtype);
  const Matrix before = random.matrix(slots * (kTaps - 1), inner, tail_dtype);
  const std::string what = "inner " + std::to_string(inner) + ", dtype " + std::to_string(dtype);

  // All rows from `first` to `last` of each sequence in one launch; the rest as if it had been before.
  auto convolve = [&](const Batch& of, const Matrix& input, int64_t gap, Matrix& tail) {
    Batch copy = of;
    Matrix spaced = some_rows(input, 0, input.rows(), gap), y(input.rows(), inner, dtype, gap);
    run(queue, sambay::cuda::causal_conv1d,
        sy_causal_conv1d_args{copy.get(), spaced.view(), layer.conv_weight.view(), layer.conv_bias.view(), tail.view(),
                              y.view()});
    return some_rows(y, 0, y.rows(), 0);
  };

  Matrix tail = before;
  const Matrix whole = convolve(batch, x, 8, tail);
  Doubles want;
  for (size_t s = 0; s < lengths.size(); ++s) {
    const int64_t first = batch.seq_start[s], slot = batch.slot[s];
    auto input = [&](int64_t t, int64_t i) {
      if (t >= 0) return x.at(first + t, i);
      return batch.position[s] == 0 ? 0.0 : before.at(slot * (kTaps - 1) + kTaps - 1 + t, i);
    };
    for (int64_t t = 0; t < lengths[s]; ++t) {
      for (int64_t i = 0; i < inner; ++i) {
        double sum = layer.conv_bias.at(0, i);
        for (int64_t k = 0; k < kTaps; ++k) sum += layer.conv_weight.at(k, i) * input(t - kTaps + 1 + k, i);
        want.push_back(sum / (1 + std::exp(-sum)));
      }
    }
    for (int64_t k = 0; k < kTaps - 1; ++k) {
      for (int64_t i = 0; i < inner; ++i) {
        const double kept = round_to(tail_dtype, input(lengths[s] - kTaps + 1 + k, i));
        CHECK(tail.at(slot * (kTaps - 1) + k, i) == kept, "%s: tail row %d of sequence %zu", what.c_str(),
              static_cast<int>(k), s);
      }
    }
  }
  expect_near(whole, want, "causal_conv1d " + what);

  for_each_order([&](const std::string& order) {
    Matrix again = before;
    CHECK(convolve(batch, x, 8, again).same_bytes(whole) && again.same_bytes(tail), "%s, %s: other bits", what.c_str(),
          order.c_str());
  });
  Matrix unaligned = before;
  CHECK(convolve(batch, x, 3, unaligned).same_bytes(whole) && unaligned.same_bytes(tail),
        "%s: unaligned rows give other bits", what.c_str());

  // Row by row, as in decoding: each sequence from its own step on.
  Matrix stepped = before, rows(tokens, inner, dtype);
  for (int64_t step = 0; step < 100; ++step) {
    Batch of;
    std::vector<int64_t> from;
    for (size_t s = 0; s < lengths.size(); ++s) {
      if (step >= lengths[s]) continue;
      from.push_back(batch.seq_start[s] + step);
      of.add(1, batch.slot[s], batch.position[s] + step);
    }
    Matrix input(of.tokens(), inner, dtype);
    for (size_t i = 0; i < from.size(); ++i) copy_rows(x, from[i], 1, input, static_cast<int64_t>(i));
    const Matrix y = convolve(of, input, 8, stepped);
    for (size_t i = 0; i < from.size(); ++i) copy_rows(y, static_cast<int64_t>(i), 1, rows, from[i]);
  }
  CHECK(rows.same_bytes(whole) && stepped.same_bytes(tail), "%s: row by row it has other bits", what.c_str());
}

}  // namespace

int main() {
  for (sy_dtype dtype : {SY_BF16, SY_F16, SY_F32}) {
    for (int64_t inner : {8, 40, 88, 168}) test_scan("80", inner, {131}, dtype);
    test_scan("80", 136, {1, 70, 9, 129, 8, 7, 64}, dtype);
    test_scan("89", 104, {1, 70, 9, 8, 64}, dtype);  // less shared memory
    test_scan("80", 64, {1, 1, 1}, dtype);
    test_scan_in_place(dtype);
    for (int64_t inner : {8, 1032}) test_conv(inner, dtype, dtype);
    test_conv(16, dtype, SY_F32);
  }
  test_softplus();
  return finish();
}
