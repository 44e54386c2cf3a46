#include "matrix.h"

using namespace sambay::test;

namespace {

// All inputs of one sequence from position 0 on, in double precision.
Doubles reference(const Matrix& x, const Matrix& weight, const Matrix* bias) {
  Doubles y;
  const int64_t taps = weight.rows();
  for (int64_t t = 0; t < x.rows(); ++t) {
    for (int64_t c = 0; c < x.cols(); ++c) {
      double sum = bias != nullptr ? bias->at(0, c) : 0;
      for (int64_t k = 0; k < taps; ++k) {
        const int64_t source = t - taps + 1 + k;
        if (source >= 0) sum += weight.at(k, c) * x.at(source, c);
      }
      y.push_back(sum / (1 + std::exp(-sum)));
    }
  }
  return y;
}

// The rows first .. first + n - 1 of a row-major matrix.
Doubles rows_of(const Doubles& all, int64_t cols, int64_t first, int64_t n) {
  return Doubles(all.begin() + first * cols, all.begin() + (first + n) * cols);
}

// Several sequences in slots in arbitrary order, each fed in random pieces and batched: every piece equals the same
// rows of the sequence whole, and the tail holds the last inputs.
void test_pieces(sy_device* device, const std::string& target, int64_t inner, int64_t taps, sy_dtype dtype,
                 sy_dtype y_dtype, bool with_bias, Random& random) {
  const int64_t sequences = 3, slots = 5, history = taps - 1;
  const std::string what = target + ", inner " + std::to_string(inner) + ", taps " + std::to_string(taps);
  Matrix weight = random.matrix(taps, inner, SY_F32, 3), bias = random.matrix(1, inner);
  const int32_t slot_of[] = {3, 0, 4};
  std::vector<Matrix> whole;
  std::vector<Doubles> want;
  for (int64_t s = 0; s < sequences; ++s) {
    whole.push_back(random.matrix(random.integer(5, 40), inner, dtype));
    want.push_back(reference(whole.back(), weight, with_bias ? &bias : nullptr));
  }
  // What earlier sequences left in the slots must not show.
  Matrix tail = random.matrix(std::max<int64_t>(1, slots * history), inner, dtype, 2, 1000);
  Matrix untouched = tail;
  std::vector<int64_t> done(sequences, 0);
  for (;;) {
    Batch batch;
    std::vector<int64_t> who, rows;
    for (int64_t s = 0; s < sequences; ++s) {
      const int64_t left = whole[s].rows() - done[s];
      if (left == 0 || (batch.tokens() > 0 && random.integer(0, 3) == 0)) continue;
      who.push_back(s);
      rows.push_back(random.integer(1, std::min<int64_t>(left, random.integer(1, 20))));
      batch.add(rows.back(), slot_of[s], done[s]);
    }
    if (who.empty()) break;
    Matrix x(batch.tokens(), inner, dtype, 4), y(batch.tokens(), inner, y_dtype, 1);
    Doubles expected;
    for (size_t i = 0; i < who.size(); ++i) {
      const int64_t s = who[i];
      for (int64_t r = 0; r < rows[i]; ++r) {
        for (int64_t c = 0; c < inner; ++c) x.set(batch.seq_start[i] + r, c, whole[s].at(done[s] + r, c));
      }
      const Doubles part = rows_of(want[s], inner, done[s], rows[i]);
      expected.insert(expected.end(), part.begin(), part.end());
      done[s] += rows[i];
    }
    const sy_causal_conv1d_args args{batch.get(), x.view(), weight.view(), with_bias ? bias.view() : nullptr,
                                     tail.view(), y.view()};
    expect_ok(sy_causal_conv1d(device, &args), what);
    expect_near(y, expected, "causal_conv1d " + what);
    for (int64_t s : who) {
      for (int64_t i = 0; i < history; ++i) {
        const int64_t source = done[s] - history + i;
        for (int64_t c = 0; c < inner; ++c) {
          const double kept = tail.at(slot_of[s] * history + i, c);
          const double input = source >= 0 ? whole[s].at(source, c) : 0;
          if (!CHECK(kept == input, "%s: tail row %d of sequence %d is %g, expected the input %g", what.c_str(),
                     static_cast<int>(i), static_cast<int>(s), kept, input)) {
            return;
          }
        }
      }
    }
  }
  for (int64_t i = history; i < 3 * history; ++i) {  // slots 1 and 2
    for (int64_t c = 0; c < inner; ++c)
      CHECK(tail.at(i, c) == untouched.at(i, c), "%s: a foreign slot changed", what.c_str());
  }
}

}  // namespace

int main() {
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    for (int64_t inner : {1, 7, 8, 9, 15, 16, 17, 255, 257}) {
      test_pieces(device, target, inner, 4, random.dtype(), random.dtype(), random.integer(0, 1) == 1, random);
    }
    for (int64_t taps : {2, 3, 5, 9}) test_pieces(device, target, 33, taps, SY_F32, SY_F32, true, random);
    test_pieces(device, target, 5120, 4, SY_F32, SY_F32, true, random);
    test_pieces(device, target, 5120, 4, SY_BF16, SY_BF16, true, random);
  });
  return finish();
}
