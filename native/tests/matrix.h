// Matrices of any storage type for tests, random contents, comparison with double precision.
#ifndef SAMBAY_TESTS_MATRIX_H_
#define SAMBAY_TESTS_MATRIX_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "device.h"
#include "sambay/sambay.h"
#include "tolerances.h"

namespace sambay::test {

using Doubles = std::vector<double>;

// The storage types' own arithmetic, written apart from the library's: through double and frexp.
inline double round_to(sy_dtype dtype, double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int bits = dtype == SY_F32 ? 24 : dtype == SY_F16 ? 11 : 8;
  const int lowest = dtype == SY_F16 ? -14 : -126;  // exponent of the smallest normal number
  int exponent = 0;
  std::frexp(value, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 1, lowest) - bits + 1);
  const double rounded = std::nearbyint(value / unit) * unit;
  const double largest = dtype == SY_F16 ? 65504.0 : dtype == SY_F32 ? 0x1.fffffep127 : 0x1.fep127;
  return std::fabs(rounded) > largest ? std::copysign(HUGE_VAL, value) : rounded;
}

// Owns exactly the elements a view may touch, so that a sanitizer sees what goes beyond; `gap` unused elements between
// rows hold a pattern that must survive.
class Matrix {
 public:
  Matrix(int64_t rows, int64_t cols, sy_dtype dtype = SY_F32, int64_t gap = 0)
      : dtype_(dtype), rows_(rows), cols_(cols), stride_(cols + gap) {
    size_ = static_cast<size_t>(((rows - 1) * stride_ + cols) * bytes());
    data_ = static_cast<unsigned char*>(shared_allocate(size_));
    std::memset(data_, kPattern, size_);  // NaN or huge in every type: what is read by mistake shows
    view_ = {data_, dtype_, rows_, cols_, stride_};
  }
  Matrix(const Matrix& other) : Matrix(other.rows_, other.cols_, other.dtype_, other.stride_ - other.cols_) {
    std::memcpy(data_, other.data_, size_);
  }
  Matrix(Matrix&& other) noexcept
      : dtype_(other.dtype_),
        rows_(other.rows_),
        cols_(other.cols_),
        stride_(other.stride_),
        size_(other.size_),
        data_(other.data_),
        view_(other.view_) {
    other.data_ = nullptr;
  }
  Matrix& operator=(const Matrix&) = delete;
  ~Matrix() { shared_free(data_); }

  sy_tensor* view() { return &view_; }
  // Some rows and columns of this matrix.
  sy_tensor part(int64_t first_row, int64_t rows, int64_t first_col, int64_t cols) const {
    return {data_ + (first_row * stride_ + first_col) * bytes(), dtype_, rows, cols, stride_};
  }
  sy_dtype dtype() const { return dtype_; }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }

  double at(int64_t row, int64_t col) const {
    const unsigned char* from = data_ + (row * stride_ + col) * bytes();
    if (dtype_ == SY_F32) {
      float value;
      std::memcpy(&value, from, 4);
      return value;
    }
    uint16_t half;
    std::memcpy(&half, from, 2);
    const int mantissa_bits = dtype_ == SY_F16 ? 10 : 7, bias = dtype_ == SY_F16 ? 15 : 127;
    const int exponent = (half & 0x7fff) >> mantissa_bits, fraction = half & ((1 << mantissa_bits) - 1);
    double value = exponent == 0 ? std::ldexp(fraction, 1 - bias - mantissa_bits)
                                 : std::ldexp(fraction + (1 << mantissa_bits), exponent - bias - mantissa_bits);
    if (exponent == 2 * bias + 1) value = fraction != 0 ? NAN : HUGE_VAL;
    return (half & 0x8000) != 0 ? -value : value;
  }

  void set(int64_t row, int64_t col, double value) {
    unsigned char* to = data_ + (row * stride_ + col) * bytes();
    const double rounded = round_to(dtype_, value);
    if (dtype_ == SY_F32) {
      const float single = static_cast<float>(rounded);
      std::memcpy(to, &single, 4);
      return;
    }
    const int mantissa_bits = dtype_ == SY_F16 ? 10 : 7, bias = dtype_ == SY_F16 ? 15 : 127;
    int exponent = 0;
    const double magnitude = std::fabs(rounded);
    std::frexp(magnitude, &exponent);
    exponent = std::max(exponent - 1, 1 - bias);
    uint32_t half = static_cast<uint32_t>(std::ldexp(magnitude, mantissa_bits - exponent));
    if (!std::isfinite(magnitude)) {
      half = static_cast<uint32_t>(2 * bias + 1) << mantissa_bits | (std::isnan(magnitude) ? 1u : 0u);
    } else if (half >= 1u << mantissa_bits) {
      half += static_cast<uint32_t>(exponent + bias - 1) << mantissa_bits;
    }
    if (std::signbit(rounded)) half |= 0x8000;
    const uint16_t stored = static_cast<uint16_t>(half);
    std::memcpy(to, &stored, 2);
  }

  Doubles values() const {
    Doubles result;
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t c = 0; c < cols_; ++c) result.push_back(at(r, c));
    }
    return result;
  }

  bool gaps_intact() const {
    for (int64_t r = 0; r + 1 < rows_; ++r) {
      for (int64_t i = (r * stride_ + cols_) * bytes(); i < (r + 1) * stride_ * bytes(); ++i) {
        if (data_[i] != kPattern) return false;
      }
    }
    return true;
  }
  bool same_bytes(const Matrix& other) const {
    return size_ == other.size_ && std::memcmp(data_, other.data_, size_) == 0;
  }

 private:
  static constexpr unsigned char kPattern = 0xff;
  int64_t bytes() const { return dtype_ == SY_F32 ? 4 : 2; }

  sy_dtype dtype_;
  int64_t rows_, cols_, stride_;
  size_t size_ = 0;
  unsigned char* data_ = nullptr;
  sy_tensor view_{};
};

// Random numbers from a seed that is printed and can be given back as SAMBAY_TEST_SEED.
class Random {
 public:
  Random() : Random(seed_of_run()) {}
  explicit Random(uint64_t seed) : engine_(seed) {}

  static uint64_t seed_of_run() {
    static const uint64_t seed = [] {
      const char* given = std::getenv("SAMBAY_TEST_SEED");
      const uint64_t value = given != nullptr ? std::strtoull(given, nullptr, 10) : 20250707;
      std::printf("seed %llu (SAMBAY_TEST_SEED gives another)\n", static_cast<unsigned long long>(value));
      return value;
    }();
    return seed;
  }

  double normal() { return normal_(engine_); }
  double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(engine_); }
  int64_t integer(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }
  sy_dtype dtype() { return static_cast<sy_dtype>(integer(SY_F32, SY_BF16)); }

  Matrix matrix(int64_t rows, int64_t cols, sy_dtype dtype = SY_F32, int64_t gap = 0, double scale = 1) {
    Matrix result(rows, cols, dtype, gap);
    fill(result, scale);
    return result;
  }
  void fill(Matrix& matrix, double scale = 1) {
    for (int64_t r = 0; r < matrix.rows(); ++r) {
      for (int64_t c = 0; c < matrix.cols(); ++c) matrix.set(r, c, normal() * scale);
    }
  }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
};

// `got` is within `tolerance` * max|want| of `want` everywhere, and its gaps are intact.
inline void expect_near(const Matrix& got, const Doubles& want, double tolerance, const std::string& what) {
  double largest = 0, worst = 0;
  int64_t at = 0;
  for (double value : want) largest = std::max(largest, std::fabs(value));
  for (int64_t i = 0; i < static_cast<int64_t>(want.size()); ++i) {
    const double error = std::fabs(got.at(i / got.cols(), i % got.cols()) - want[static_cast<size_t>(i)]);
    if (!(error <= worst)) {
      worst = error;
      at = i;
      if (std::isnan(error)) break;
    }
  }
  const int64_t row = at / got.cols(), col = at % got.cols();
  CHECK(static_cast<int64_t>(want.size()) == got.rows() * got.cols(), "%s: wanted %zu values, got a [%lld, %lld]",
        what.c_str(), want.size(), static_cast<long long>(got.rows()), static_cast<long long>(got.cols()));
  CHECK(worst <= tolerance * largest,
        "%s: [%lld, %lld] is %.9g, expected %.9g; off by %.3g of the largest, allowed %.3g", what.c_str(),
        static_cast<long long>(row), static_cast<long long>(col), got.at(row, col), want[static_cast<size_t>(at)],
        worst / largest, tolerance);
  CHECK(got.gaps_intact(), "%s: elements between the rows were written", what.c_str());
}
inline void expect_near(const Matrix& got, const Doubles& want, const std::string& what) {
  expect_near(got, want, tolerance_of(got.dtype()), what);
}

// Sequences end to end, with the arrays a sy_batch borrows.
struct Batch {
  std::vector<int32_t> seq_start{0}, slot, position;
  sy_batch view{};

  void add(int64_t rows, int32_t in_slot, int64_t at_position) {
    seq_start.push_back(seq_start.back() + static_cast<int32_t>(rows));
    slot.push_back(in_slot);
    position.push_back(static_cast<int32_t>(at_position));
    view = {static_cast<int32_t>(slot.size()), nullptr, nullptr, nullptr};
  }
  const sy_batch* get() {
    view.seq_start = seq_start.data();
    view.slot = slot.data();
    view.position = position.data();
    return &view;
  }
  int64_t tokens() const { return seq_start.back(); }
};

inline int finish() {
  Random::seed_of_run();
  if (failures() != 0) std::printf("%d checks failed\n", failures());
  return failures() == 0 ? 0 : 1;
}

}  // namespace sambay::test

#endif  // SAMBAY_TESTS_MATRIX_H_
