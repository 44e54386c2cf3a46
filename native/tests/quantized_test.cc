// sy_quantize, quantised weights and their products. The rules are those of docs/quantization.md, written here a second
// time as plain loops; where a rule fixes every rounding, the library has to meet it to the bit.
#include <memory>

#include "api/device.h"
#include "cpu/ops.h"
#include "cpu/processor.h"
#include "matrix.h"
#include "tiles_in_software.h"

using namespace sambay::test;

namespace {

const char* name(sy_dtype dtype) { return sambay::dtype_name(dtype); }

struct WeightDeleter {
  void operator()(sy_weight* weight) const { sy_weight_destroy(weight); }
};
using Weight = std::unique_ptr<sy_weight, WeightDeleter>;

Weight create(sy_device* device, int64_t rows, int64_t cols, sy_dtype storage, const std::string& what) {
  sy_weight* weight = nullptr;
  expect_ok(sy_weight_create(device, rows, cols, storage, &weight), what);
  return Weight(weight);
}

float nearest(float v) { return std::nearbyint(v); }

// Codes and scales of a matrix, as the format of quantised files has them.
struct Quantized {
  sy_dtype dtype;
  int64_t rows, cols;
  std::vector<uint8_t> codes;
  std::vector<uint16_t> scales;

  Quantized(sy_dtype type, int64_t n, int64_t columns)
      : dtype(type),
        rows(n),
        cols(columns),
        codes(static_cast<size_t>(type == SY_INT8 ? n * columns : n * columns / 2)),
        scales(static_cast<size_t>(n * columns / SY_GROUP)) {}

  sy_quantized view(int64_t first = 0, int64_t n = -1) {
    const int64_t row_bytes = static_cast<int64_t>(codes.size()) / rows, row_scales = cols / SY_GROUP;
    return {codes.data() + first * row_bytes, scales.data() + first * row_scales, dtype, n < 0 ? rows - first : n,
            cols};
  }
  int code(int64_t row, int64_t col) const {
    const auto i = static_cast<size_t>(row * cols + col);
    if (dtype == SY_INT8) return static_cast<int8_t>(codes[i]);
    return (i % 2 == 0 ? codes[i / 2] & 15 : codes[i / 2] >> 4) - 8;
  }
  void set_code(int64_t row, int64_t col, int code) {
    const auto i = static_cast<size_t>(row * cols + col);
    if (dtype == SY_INT8) {
      codes[i] = static_cast<uint8_t>(code);
    } else {
      const unsigned half = static_cast<unsigned>(code + 8);
      codes[i / 2] = static_cast<uint8_t>(i % 2 == 0 ? (codes[i / 2] & 0xf0) | half : (codes[i / 2] & 15) | half << 4);
    }
  }
  float scale(int64_t row, int64_t col) const {
    Matrix one(1, 1, SY_F16);
    std::memcpy(one.view()->data, &scales[static_cast<size_t>((row * cols + col) / SY_GROUP)], 2);
    return static_cast<float>(one.at(0, 0));
  }
  float element(int64_t row, int64_t col) const { return static_cast<float>(code(row, col)) * scale(row, col); }
};

uint16_t f16_bits(double value) {
  Matrix one(1, 1, SY_F16);
  one.set(0, 0, value);
  uint16_t bits;
  std::memcpy(&bits, one.view()->data, 2);
  return bits;
}

// ---- the rule for weights ----

Quantized quantized_by_rule(const Matrix& from, sy_dtype dtype) {
  Quantized to(dtype, from.rows(), from.cols());
  for (int64_t r = 0; r < from.rows(); ++r) {
    for (int64_t c = 0; c < from.cols(); c += SY_GROUP) {
      float w[SY_GROUP], largest = 0, extreme = 0;
      for (int i = 0; i < SY_GROUP; ++i) w[i] = static_cast<float>(from.at(r, c + i));
      for (float v : w) largest = std::max(largest, std::fabs(v));
      extreme = -largest;
      for (float v : w) extreme = v == largest ? largest : extreme;
      uint16_t& scale = to.scales[static_cast<size_t>((r * from.cols() + c) / SY_GROUP)];
      if (dtype == SY_INT8) {
        scale = f16_bits(largest / 127);
        if (to.scale(r, c) < largest / 127) ++scale;
        const float inverse = to.scale(r, c) == 0 ? 0 : 1 / to.scale(r, c);
        for (int i = 0; i < SY_GROUP; ++i) to.set_code(r, c + i, static_cast<int>(nearest(w[i] * inverse)));
        continue;
      }
      float least = HUGE_VALF;
      int best_codes[SY_GROUP] = {};
      uint16_t best = 0;
      for (float divisor = 8.75f; divisor >= 7; divisor -= 0.25f) {
        scale = f16_bits(extreme / -divisor);
        const float s = to.scale(r, c), inverse = s == 0 ? 0 : 1 / s;
        float errors = 0;
        int codes[SY_GROUP];
        for (int i = 0; i < SY_GROUP; ++i) {
          codes[i] = static_cast<int>(std::min(std::max(nearest(w[i] * inverse), -8.0f), 7.0f));
          const float product = s * static_cast<float>(codes[i]), error = w[i] - product, square = error * error;
          errors += square;
        }
        if (errors < least) {
          least = errors;
          best = scale;
          std::copy(codes, codes + SY_GROUP, best_codes);
        }
      }
      scale = best;
      for (int i = 0; i < SY_GROUP; ++i) to.set_code(r, c + i, best_codes[i]);
    }
  }
  return to;
}

void expect_same(const Quantized& got, const Quantized& want, const std::string& what) {
  int64_t different = 0;
  for (size_t i = 0; i < got.scales.size(); ++i) different += got.scales[i] != want.scales[i];
  CHECK(different == 0, "%s: %lld of %zu scales differ", what.c_str(), static_cast<long long>(different),
        got.scales.size());
  different = 0;
  for (size_t i = 0; i < got.codes.size(); ++i) different += got.codes[i] != want.codes[i];
  CHECK(different == 0, "%s: %lld of %zu bytes of codes differ", what.c_str(), static_cast<long long>(different),
        got.codes.size());
}

void quantizing_follows_the_rule() {
  Random random;
  for (sy_dtype dtype : {SY_INT8, SY_INT4}) {
    for (sy_dtype source : {SY_F32, SY_F16, SY_BF16}) {
      for (double scale : {1.0, 0.02, 1e-4, 1e-6, 1e-8, 1000.0}) {
        Matrix from = random.matrix(9, 96, source, 3, scale);
        for (int i = 0; i < SY_GROUP; ++i) {
          from.set(2, i, 0);                                   // a group of zeros
          from.set(3, i, i % 2 == 0 ? scale : -scale);         // both signs at the extreme
          from.set(4, i, i == 7 ? -scale : i * 1e-4 * scale);  // one outlier
          from.set(5, i, (i - 16) * 0.125 * scale);            // exact steps
        }
        Quantized to(dtype, from.rows(), from.cols());
        sy_quantized view = to.view();
        const std::string what = std::string(name(source)) + " of size " + std::to_string(scale) + " as " + name(dtype);
        expect_ok(sy_quantize(from.view(), &view), what);
        expect_same(to, quantized_by_rule(from, dtype), what);
        double squares = 0, errors = 0;
        for (int64_t r = 6; r < 9; ++r) {
          for (int64_t c = 0; c < from.cols(); ++c) {
            squares += from.at(r, c) * from.at(r, c);
            errors += std::pow(from.at(r, c) - to.element(r, c), 2);
          }
        }
        // Where f16 still has most of its digits.
        const double allowed = dtype == SY_INT8 ? 0.01 : 0.12;
        CHECK(scale < 1e-3 || std::sqrt(errors / squares) < allowed, "%s: relative error %g", what.c_str(),
              std::sqrt(errors / squares));
      }
    }
  }
}

void what_cannot_be_quantized_is_refused() {
  Random random;
  for (sy_dtype dtype : {SY_INT8, SY_INT4}) {
    for (double bad : {static_cast<double>(NAN), HUGE_VAL, -HUGE_VAL, 1e7, -3e38}) {
      Matrix from = random.matrix(5, 64);
      from.set(3, 41, bad);
      Quantized to(dtype, 5, 64);
      sy_quantized view = to.view();
      CHECK(sy_quantize(from.view(), &view) == SY_ERR_ARGUMENT, "%g was quantised", bad);
      CHECK(std::strstr(sy_last_error(), "row 3, column 41 is ") != nullptr, "%g: \"%s\"", bad, sy_last_error());
    }
  }
  // The largest that go.
  for (sy_dtype dtype : {SY_INT8, SY_INT4}) {
    Matrix from(1, 32);
    for (int i = 0; i < 32; ++i) from.set(0, i, 65504.0 * (dtype == SY_INT8 ? 127 : 7));
    Quantized to(dtype, 1, 32);
    sy_quantized view = to.view();
    expect_ok(sy_quantize(from.view(), &view), "the largest elements");
    CHECK(std::isfinite(to.element(0, 5)), "%s: the largest became %g", name(dtype),
          static_cast<double>(to.element(0, 5)));
  }
}

// ---- packed weights ----

std::vector<float> table_rows(sy_device* device, const sy_weight* weight, const std::string& what) {
  std::vector<int32_t> ids(static_cast<size_t>(weight->rows));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i);
  Matrix y(weight->rows, weight->cols);
  const sy_embedding_args args{weight, ids.data(), y.view()};
  expect_ok(sy_embedding(device, &args), what);
  const auto* data = static_cast<const float*>(y.view()->data);
  return {data, data + weight->rows * weight->cols};
}

// Numbers in pieces, and codes in pieces, give what all numbers at once give; rows not set are zero.
void weights_are_set_row_by_row(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype storage : {SY_INT8, SY_INT4}) {
    for (int64_t cols : {32, 96, 256}) {
      const int64_t rows = 75, last = 70;
      const std::string what = target + ": " + name(storage) + " weight of " + std::to_string(cols) + " columns";
      Matrix from = random.matrix(last, cols, random.dtype(), 3, 0.05);
      Quantized codes(storage, last, cols);
      sy_quantized view = codes.view();
      expect_ok(sy_quantize(from.view(), &view), what);
      Weight of_numbers = create(device, rows, cols, storage, what),
             of_codes = create(device, rows, cols, storage, what);
      for (int64_t first = 0; first < last;) {
        const int64_t n = std::min(last - first, random.integer(1, 40));
        sy_tensor part = from.part(first, n, 0, cols);
        expect_ok(sy_weight_set_rows(device, of_numbers.get(), first, &part), what);
        view = codes.view(first, n);
        expect_ok(sy_weight_set_quantized_rows(device, of_codes.get(), first, &view), what);
        first += n;
      }
      const std::vector<float> numbers = table_rows(device, of_numbers.get(), what);
      CHECK(numbers == table_rows(device, of_codes.get(), what), "%s: set by codes it differs", what.c_str());
      int64_t wrong = 0;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < cols; ++c) {
          wrong += numbers[static_cast<size_t>(r * cols + c)] != (r < last ? codes.element(r, c) : 0);
        }
      }
      CHECK(wrong == 0, "%s: %lld elements are wrong", what.c_str(), static_cast<long long>(wrong));
      if (device_under_test() != "cpu") continue;  // which packs in its own way
      const int64_t packed = sy_weight_bytes(of_numbers.get());
      const int64_t least = 80 * (cols / SY_GROUP) * (storage == SY_INT8 ? 34 : 18);
      CHECK(packed == least + (cols / SY_GROUP % 2) * 80 * (storage == SY_INT8 ? 34 : 18), "%s: %lld bytes",
            what.c_str(), static_cast<long long>(packed));
    }
  }
}

void bad_codes_are_refused(sy_device* device, const std::string& target) {
  for (sy_dtype storage : {SY_INT8, SY_INT4}) {
    Weight weight = create(device, 20, 64, storage, target);
    Quantized codes(storage, 4, 64);
    codes.scales[5] = 0x7c00;
    sy_quantized view = codes.view();
    CHECK(sy_weight_set_quantized_rows(device, weight.get(), 10, &view) == SY_ERR_ARGUMENT, "an infinite scale");
    CHECK(std::strstr(sy_last_error(), "the scale of row 12, group 1 is not a finite number") != nullptr, "\"%s\"",
          sy_last_error());
    codes.scales[5] = 0;
    if (storage == SY_INT8) {
      codes.set_code(3, 33, -128);
      CHECK(sy_weight_set_quantized_rows(device, weight.get(), 10, &view) == SY_ERR_ARGUMENT, "the code -128");
      CHECK(std::strstr(sy_last_error(), "row 13, column 33 has the code -128") != nullptr, "\"%s\"", sy_last_error());
    }
    Matrix from(3, 64);
    for (int64_t r = 0; r < 3; ++r) {
      for (int64_t c = 0; c < 64; ++c) from.set(r, c, r == 2 && c == 60 ? NAN : 1);
    }
    CHECK(sy_weight_set_rows(device, weight.get(), 5, from.view()) == SY_ERR_ARGUMENT, "NaN in a weight");
    CHECK(std::strstr(sy_last_error(), "row 7, column 60 is ") != nullptr, "\"%s\"", sy_last_error());
    for (float v : table_rows(device, weight.get(), target))
      CHECK(v == 0, "a refused call wrote %g", static_cast<double>(v));
    Quantized other(storage == SY_INT8 ? SY_INT4 : SY_INT8, 4, 64);
    view = other.view();
    CHECK(sy_weight_set_quantized_rows(device, weight.get(), 0, &view) == SY_ERR_DTYPE, "codes of another type");
  }
}

// ---- products ----

// The rule of products, to the bit: y[t, o] before bias.
std::vector<float> products_by_rule(const Matrix& x, const Quantized& w) {
  std::vector<float> result;
  for (int64_t t = 0; t < x.rows(); ++t) {
    std::vector<float> scales;
    std::vector<int> codes;
    for (int64_t c = 0; c < x.cols(); c += SY_GROUP) {
      float largest = 0;
      bool finite = true;
      for (int i = 0; i < SY_GROUP; ++i) {
        const float v = static_cast<float>(x.at(t, c + i));
        largest = std::max(largest, std::fabs(v));
        finite = finite && std::isfinite(v);
      }
      const bool counts = finite && largest >= 0x1p-100f;
      const float inverse = counts ? 127 / largest : 0;
      scales.push_back(counts ? largest / 127 : finite ? 0 : NAN);
      for (int i = 0; i < SY_GROUP; ++i) {
        codes.push_back(finite ? static_cast<int>(nearest(static_cast<float>(x.at(t, c + i)) * inverse)) : 0);
      }
    }
    for (int64_t o = 0; o < w.rows; ++o) {
      float sum = 0;
      for (int64_t c = 0; c < x.cols(); c += SY_GROUP) {
        int dot = 0;
        for (int i = 0; i < SY_GROUP; ++i) dot += codes[static_cast<size_t>(c + i)] * w.code(o, c + i);
        const float scaled = static_cast<float>(dot) * w.scale(o, c);
        const float product = scaled * scales[static_cast<size_t>(c / SY_GROUP)];
        sum += product;
      }
      result.push_back(sum);
    }
  }
  return result;
}

Quantized random_codes(Random& random, sy_dtype dtype, int64_t rows, int64_t cols) {
  Quantized codes(dtype, rows, cols);
  for (auto& scale : codes.scales) scale = f16_bits(random.normal() * 0.01);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      codes.set_code(r, c, static_cast<int>(dtype == SY_INT8 ? random.integer(-127, 127) : random.integer(-8, 7)));
    }
  }
  return codes;
}

void check_product(sy_device* device, Random& random, sy_dtype storage, int64_t tokens, int64_t inputs, int64_t outputs,
                   const std::string& target) {
  const std::string what = target + ": " + name(storage) + " weight, [" + std::to_string(tokens) + ", " +
                           std::to_string(inputs) + "] to " + std::to_string(outputs);
  Quantized codes = random_codes(random, storage, outputs, inputs);
  Weight weight = create(device, outputs, inputs, storage, what);
  sy_quantized view = codes.view();
  expect_ok(sy_weight_set_quantized_rows(device, weight.get(), 0, &view), what);
  Matrix x = random.matrix(tokens, inputs, random.dtype(), random.integer(0, 3), 3);
  Matrix bias = random.matrix(1, outputs), y = random.matrix(tokens, outputs, SY_F32, 2);
  const bool with_bias = random.integer(0, 1) == 1, accumulate = random.integer(0, 1) == 1;
  std::vector<float> want = products_by_rule(x, codes);
  for (size_t i = 0; i < want.size(); ++i) {
    const auto t = static_cast<int64_t>(i) / outputs, o = static_cast<int64_t>(i) % outputs;
    if (with_bias) want[i] += static_cast<float>(bias.at(0, o));
    if (accumulate) want[i] += static_cast<float>(y.at(t, o));
  }
  const sy_linear_args args{x.view(),
                            nullptr,
                            weight.get(),
                            with_bias ? bias.view() : nullptr,
                            nullptr,
                            y.view(),
                            accumulate ? SY_LINEAR_ACCUMULATE : 0};
  expect_ok(sy_linear(device, &args), what);
  int64_t different = 0, first = -1;
  for (size_t i = 0; i < want.size(); ++i) {
    const auto t = static_cast<int64_t>(i) / outputs, o = static_cast<int64_t>(i) % outputs;
    if (static_cast<float>(y.at(t, o)) != want[i]) {
      ++different;
      first = first < 0 ? static_cast<int64_t>(i) : first;
    }
  }
  CHECK(different == 0 && y.gaps_intact(), "%s: %lld elements differ from the rule, first [%lld, %lld]", what.c_str(),
        static_cast<long long>(different), static_cast<long long>(first / outputs),
        static_cast<long long>(first % outputs));
}

void products_follow_the_rule(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype storage : {SY_INT8, SY_INT4}) {
    for (int64_t tokens = 1; tokens <= 70; ++tokens) {
      check_product(device, random, storage, tokens, 32 * random.integer(1, 5), random.integer(1, 70), target);
    }
    for (int64_t tokens : {1, 2, 5, 13, 40}) {
      check_product(device, random, storage, tokens, 2560, 50, target);
      check_product(device, random, storage, tokens, 544, 333, target);
    }
    check_product(device, random, storage, 263, 608, 75, target);
    check_product(device, random, storage, 70, 10240, 20, target);
  }
}

// The dot products are as large as they can be, and sums do not saturate on the way.
void extreme_codes_do_not_overflow(sy_device* device, const std::string& target) {
  for (sy_dtype storage : {SY_INT8, SY_INT4}) {
    for (int sign : {1, -1}) {
      Quantized codes(storage, 16, 64);
      for (auto& scale : codes.scales) scale = f16_bits(1);
      const int code = storage == SY_INT8 ? 127 * sign : sign > 0 ? 7 : -8;
      Matrix x(2, 64), y(2, 16);
      for (int64_t c = 0; c < 64; ++c) {
        for (int64_t r = 0; r < 16; ++r) codes.set_code(r, c, code);
        x.set(0, c, 127);
        x.set(1, c, -127);
      }
      Weight weight = create(device, 16, 64, storage, target);
      sy_quantized view = codes.view();
      expect_ok(sy_weight_set_quantized_rows(device, weight.get(), 0, &view), target);
      const sy_linear_args args{x.view(), nullptr, weight.get(), nullptr, nullptr, y.view(), 0};
      expect_ok(sy_linear(device, &args), target);
      for (int64_t o = 0; o < 16; ++o) {
        CHECK(y.at(0, o) == 64.0 * 127 * code && y.at(1, o) == -64.0 * 127 * code, "%s, %s: %g and %g", target.c_str(),
              name(storage), y.at(0, o), y.at(1, o));
      }
    }
  }
}

// What rounding x to 8 bits costs, against double precision: a few parts in a thousand.
void products_are_close(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype storage : {SY_INT8, SY_INT4}) {
    const int64_t tokens = 5, inputs = 1024, outputs = 64;
    Quantized codes = random_codes(random, storage, outputs, inputs);
    Weight weight = create(device, outputs, inputs, storage, target);
    sy_quantized view = codes.view();
    expect_ok(sy_weight_set_quantized_rows(device, weight.get(), 0, &view), target);
    Matrix x = random.matrix(tokens, inputs), y(tokens, outputs);
    const sy_linear_args args{x.view(), nullptr, weight.get(), nullptr, nullptr, y.view(), 0};
    expect_ok(sy_linear(device, &args), target);
    double squares = 0, errors = 0;
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t o = 0; o < outputs; ++o) {
        double sum = 0;
        for (int64_t c = 0; c < inputs; ++c) sum += x.at(t, c) * static_cast<double>(codes.element(o, c));
        squares += sum * sum;
        errors += (y.at(t, o) - sum) * (y.at(t, o) - sum);
      }
    }
    CHECK(std::sqrt(errors / squares) < 0.01, "%s, %s: relative error %g", target.c_str(), name(storage),
          std::sqrt(errors / squares));
  }
}

// NaN and infinities make their row NaN and leave the others alone; numbers too small to round count as zero.
void special_values_stay_in_their_row(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype storage : {SY_INT8, SY_INT4}) {
    for (int64_t tokens : {4, 60}) {
      Quantized codes = random_codes(random, storage, 20, 96);
      Weight weight = create(device, 20, 96, storage, target);
      sy_quantized view = codes.view();
      expect_ok(sy_weight_set_quantized_rows(device, weight.get(), 0, &view), target);
      Matrix x = random.matrix(tokens, 96), y(tokens, 20);
      x.set(1, 7, NAN);
      x.set(2, 95, HUGE_VAL);
      for (int64_t c = 0; c < 96; ++c) x.set(3, c, c % 2 == 0 ? 1e-40 : 0);
      const sy_linear_args args{x.view(), nullptr, weight.get(), nullptr, nullptr, y.view(), 0};
      expect_ok(sy_linear(device, &args), target);
      for (int64_t o = 0; o < 20; ++o) {
        CHECK(std::isfinite(y.at(0, o)) && std::isnan(y.at(1, o)) && std::isnan(y.at(2, o)) && y.at(3, o) == 0,
              "%s: rows are %g, %g, %g, %g", target.c_str(), y.at(0, o), y.at(1, o), y.at(2, o), y.at(3, o));
      }
    }
  }
}

void rows_do_not_depend_on_their_neighbours(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype storage : {SY_INT8, SY_INT4}) {
    const int64_t tokens = 300, inputs = 1056, outputs = 90;
    Quantized codes = random_codes(random, storage, outputs, inputs);
    Weight weight = create(device, outputs, inputs, storage, target);
    sy_quantized view = codes.view();
    expect_ok(sy_weight_set_quantized_rows(device, weight.get(), 0, &view), target);
    Matrix x = random.matrix(tokens, inputs), together(tokens, outputs);
    const sy_linear_args all{x.view(), nullptr, weight.get(), nullptr, nullptr, together.view(), 0};
    expect_ok(sy_linear(device, &all), target);
    for (int64_t rows : {1, 2, 7, 8, 16, 17, 48, 49, 100}) {
      const int64_t first = random.integer(0, tokens - rows);
      sy_tensor some = x.part(first, rows, 0, inputs);
      Matrix apart(rows, outputs);
      const sy_linear_args args{&some, nullptr, weight.get(), nullptr, nullptr, apart.view(), 0};
      expect_ok(sy_linear(device, &args), target);
      int64_t different = 0;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t o = 0; o < outputs; ++o) different += apart.at(r, o) != together.at(first + r, o);
      }
      CHECK(different == 0, "%s, %s weight: %lld elements of %lld rows differ from those among %lld rows",
            target.c_str(), name(storage), static_cast<long long>(different), static_cast<long long>(rows),
            static_cast<long long>(tokens));
    }
  }
}

void test_products(sy_device* device, const std::string& target) {
  products_follow_the_rule(device, target);
  extreme_codes_do_not_overflow(device, target);
  special_values_stay_in_their_row(device, target);
}

// A table that no name of sy_device_create leads to.
void test_products_of(const sambay::Ops& ops, const std::string& target) {
  sy_device device(sambay::cpu_processor_table(), new sambay::CpuProcessor(ops, 2));
  test_products(&device, target);
}

}  // namespace

int main() {
  quantizing_follows_the_rule();
  what_cannot_be_quantized_is_refused();
  for_each_target([](sy_device* device, const std::string& target) {
    weights_are_set_row_by_row(device, target);
    bad_codes_are_refused(device, target);
    extreme_codes_do_not_overflow(device, target);
    products_are_close(device, target);
    rows_do_not_depend_on_their_neighbours(device, target);
    if (only_on_cpu("the rule of products", "it multiplies with the elements as they are")) {
      test_products(device, target);
    }
  });
  if (device_under_test() != "cpu") return finish();
  test_products_of(ops_with_software_tiles(), "tiles in software");
#if defined(SAMBAY_X86)
  if (sy_cpu_target_supported("avx512") != 0) test_products_of(sambay::avx512_ops(), "avx512 without VNNI");
#endif
  return finish();
}
