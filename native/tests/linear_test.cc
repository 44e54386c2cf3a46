// linear, embedding, gather_rows, copy, zero, and packed weights, which they share.
#include <memory>

#include "api/device.h"
#include "cpu/processor.h"
#include "matrix.h"
#include "tiles_in_software.h"

using namespace sambay::test;

namespace {

struct WeightDeleter {
  void operator()(sy_weight* weight) const { sy_weight_destroy(weight); }
};
using Weight = std::unique_ptr<sy_weight, WeightDeleter>;

Weight pack(sy_device* device, sy_dtype storage, Matrix& from, const std::string& what) {
  sy_weight* weight = nullptr;
  expect_ok(sy_weight_create(device, from.rows(), from.cols(), storage, &weight), what);
  expect_ok(sy_weight_set_rows(device, weight, 0, from.view()), what);
  return Weight(weight);
}

// y = x W^T (+ bias) (+ y) in double precision.
Doubles reference(const Matrix& x, const Matrix& weight, const Matrix* bias, const Matrix* y) {
  const Doubles xs = x.values(), ws = weight.values();
  const auto inputs = static_cast<size_t>(x.cols());
  Doubles result;
  for (int64_t t = 0; t < x.rows(); ++t) {
    for (int64_t o = 0; o < weight.rows(); ++o) {
      const double* xr = &xs[static_cast<size_t>(t) * inputs];
      const double* wr = &ws[static_cast<size_t>(o) * inputs];
      double sum = 0;
      for (size_t k = 0; k < inputs; ++k) sum += xr[k] * wr[k];
      result.push_back(sum + (bias != nullptr ? bias->at(0, o) : 0) + (y != nullptr ? y->at(t, o) : 0));
    }
  }
  return result;
}

struct Case {
  int64_t tokens, inputs, outputs;
  sy_dtype x, weight, y;
  bool with_bias, accumulate;
};

const char* name(sy_dtype dtype) { return sambay::dtype_name(dtype); }

void check_linear(sy_device* device, Random& random, const Case& c, const std::string& target) {
  const std::string what = target + ": linear [" + std::to_string(c.tokens) + ", " + std::to_string(c.inputs) +
                           "] to " + std::to_string(c.outputs) + ", " + name(c.x) + " x, " + name(c.weight) +
                           " weight, " + name(c.y) + " y" + (c.with_bias ? ", bias" : "") +
                           (c.accumulate ? ", accumulate" : "");
  Matrix x = random.matrix(c.tokens, c.inputs, c.x, random.integer(0, 3));
  Matrix w = random.matrix(c.outputs, c.inputs, c.weight, random.integer(0, 3));
  Matrix bias = random.matrix(1, c.outputs);
  Matrix y = random.matrix(c.tokens, c.outputs, c.y, random.integer(0, 3));
  const Doubles want = reference(x, w, c.with_bias ? &bias : nullptr, c.accumulate ? &y : nullptr);
  Weight packed = pack(device, c.weight, w, what);
  const sy_linear_args args{x.view(),
                            nullptr,
                            packed.get(),
                            c.with_bias ? bias.view() : nullptr,
                            nullptr,
                            y.view(),
                            c.accumulate ? SY_LINEAR_ACCUMULATE : 0};
  expect_ok(sy_linear(device, &args), what);
  expect_near(y, want, what);
}

// norm -> product -> gate in one call against the three in double precision.
void norm_and_gate_around_a_product(sy_device* device, const std::string& target) {
  Random random;
  for (int64_t tokens : {1, 5, 70}) {
    for (uint32_t flags : {0u, SY_LINEAR_ACCUMULATE, SY_LINEAR_SWIGLU, SY_LINEAR_GMU}) {
      for (bool layer_norm : {false, true}) {
        const int64_t inputs = 50, outputs = 44, cols = flags == SY_LINEAR_SWIGLU ? outputs / 2 : outputs;
        Matrix x = random.matrix(tokens, inputs), w = random.matrix(outputs, inputs), bias = random.matrix(1, outputs);
        Matrix norm_weight = random.matrix(1, inputs), norm_bias = random.matrix(1, inputs);
        Matrix memory = random.matrix(tokens, outputs), y = random.matrix(tokens, cols);
        const float eps = 1e-5f;
        Matrix normed(tokens, inputs);
        for (int64_t t = 0; t < tokens; ++t) {
          double mean = 0, square = 0;
          for (int64_t i = 0; i < inputs; ++i) mean += layer_norm ? x.at(t, i) / static_cast<double>(inputs) : 0;
          for (int64_t i = 0; i < inputs; ++i) square += std::pow(x.at(t, i) - mean, 2) / static_cast<double>(inputs);
          for (int64_t i = 0; i < inputs; ++i) {
            const double scaled = (x.at(t, i) - mean) / std::sqrt(square + eps) * norm_weight.at(0, i);
            normed.set(t, i, scaled + (layer_norm ? norm_bias.at(0, i) : 0));
          }
        }
        const bool accumulate = flags == SY_LINEAR_ACCUMULATE;
        const Doubles product = reference(normed, w, &bias, accumulate ? &y : nullptr);
        auto silu = [](double v) { return v / (1 + std::exp(-v)); };
        Doubles want;
        for (int64_t t = 0; t < tokens; ++t) {
          const double* p = &product[static_cast<size_t>(t * outputs)];
          for (int64_t c = 0; c < cols; ++c) {
            want.push_back(flags == SY_LINEAR_SWIGLU ? silu(p[c]) * p[c + cols]
                           : flags == SY_LINEAR_GMU  ? silu(p[c]) * memory.at(t, c)
                                                     : p[c]);
          }
        }
        const std::string what = target + ", " + (layer_norm ? "LayerNorm" : "RMSNorm") + ", flags " +
                                 std::to_string(flags) + ", tokens " + std::to_string(tokens);
        Weight packed = pack(device, SY_F32, w, what);
        const sy_norm norm{norm_weight.view(), layer_norm ? norm_bias.view() : nullptr, eps, SY_F32};
        const sy_linear_args args{
            x.view(), &norm, packed.get(), bias.view(), flags == SY_LINEAR_GMU ? memory.view() : nullptr,
            y.view(), flags};
        expect_ok(sy_linear(device, &args), what);
        expect_near(y, want, 1e-5, what);
      }
    }
  }
}

void small_sizes_and_all_storage_types(sy_device* device, const std::string& target) {
  Random random;
  const int64_t sizes[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 65, 255, 256, 257};
  auto size = [&] { return sizes[random.integer(0, 13)]; };
  for (sy_dtype x : {SY_F32, SY_F16, SY_BF16}) {
    for (sy_dtype weight : {SY_F32, SY_F16, SY_BF16}) {
      for (sy_dtype y : {SY_F32, SY_F16, SY_BF16}) {
        for (int64_t tokens : {1, 2, 3, 5, 8, 9, 12, 13, 16, 17, 33, 48, 49, 61}) {
          check_linear(device, random,
                       {tokens, size(), size(), x, weight, y, random.integer(0, 1) == 1, random.integer(0, 1) == 1},
                       target);
        }
      }
    }
  }
}

// Every remainder of a tile of rows, of a panel and of a block of k, for the storage types of a real model.
void edges(sy_device* device, const std::string& target) {
  Random random;
  for (int64_t size : {1, 15, 16, 17, 31, 32, 33}) {
    for (sy_dtype x : {SY_F32, SY_BF16}) {
      check_linear(device, random, {1, size, 47, x, SY_BF16, SY_F32, false, false}, target);
      check_linear(device, random, {size, 100, 33, x, SY_BF16, SY_F32, false, false}, target);
      check_linear(device, random, {50, 513, size, x, SY_BF16, SY_F32, true, false}, target);
    }
  }
  // More rows than one pass over the weight takes.
  check_linear(device, random, {253, 70, 40, SY_F32, SY_BF16, SY_F32, true, true}, target);
  check_linear(device, random, {545, 70, 40, SY_BF16, SY_BF16, SY_F32, true, true}, target);
}

void real_shapes(sy_device* device, const std::string& target) {
  Random random;
  for (int64_t tokens : {1, 3, 20}) {
    check_linear(device, random, {tokens, 2560, 320, SY_BF16, SY_BF16, SY_BF16, true, false}, target);
    check_linear(device, random, {tokens, 10240, 48, SY_F32, SY_BF16, SY_F32, false, true}, target);
    check_linear(device, random, {tokens, 5120, 192, SY_BF16, SY_BF16, SY_F32, false, false}, target);
    check_linear(device, random, {tokens, 160, 5120, SY_F32, SY_BF16, SY_F32, false, false}, target);
  }
  check_linear(device, random, {70, 10240, 32, SY_F32, SY_BF16, SY_F32, false, false}, target);
}

// Sums of one sign are where rounding errors pile up.
void long_sums_stay_accurate(sy_device* device, const std::string& target) {
  Random random;
  for (int64_t tokens : {1, 60}) {
    Matrix x(tokens, 10240, SY_BF16), w(17, 10240, SY_BF16), y(tokens, 17);
    for (int64_t k = 0; k < 10240; ++k) {
      for (int64_t t = 0; t < tokens; ++t) x.set(t, k, random.uniform(0.5, 1.5));
      for (int64_t o = 0; o < 17; ++o) w.set(o, k, random.uniform(0.5, 1.5));
    }
    const std::string what = target + ", sum of 10240 positive terms, tokens " + std::to_string(tokens);
    Weight packed = pack(device, SY_BF16, w, what);
    const sy_linear_args args{x.view(), nullptr, packed.get(), nullptr, nullptr, y.view(), 0};
    expect_ok(sy_linear(device, &args), what);
    expect_near(y, reference(x, w, nullptr, nullptr), what);
  }
}

// A row's result is the same to the bit alone and among others, today and tomorrow, on one thread and on several.
void rows_do_not_depend_on_their_neighbours(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype storage : {SY_F32, SY_F16, SY_BF16}) {
    const int64_t tokens = 300, inputs = 777, outputs = 90;
    Matrix x = random.matrix(tokens, inputs), w = random.matrix(outputs, inputs, storage);
    Weight packed = pack(device, storage, w, target);
    Matrix together(tokens, outputs);
    const sy_linear_args all{x.view(), nullptr, packed.get(), nullptr, nullptr, together.view(), 0};
    expect_ok(sy_linear(device, &all), target);
    for (int64_t rows : {1, 2, 7, 8, 9, 30, 48, 49, 100}) {
      const int64_t first = random.integer(0, tokens - rows);
      sy_tensor some = x.part(first, rows, 0, inputs);
      Matrix apart(rows, outputs), again(rows, outputs);
      const sy_linear_args args{&some, nullptr, packed.get(), nullptr, nullptr, apart.view(), 0};
      expect_ok(sy_linear(device, &args), target);
      const sy_linear_args repeated{&some, nullptr, packed.get(), nullptr, nullptr, again.view(), 0};
      expect_ok(sy_linear(device, &repeated), target);
      CHECK(apart.same_bytes(again), "%s: the same product twice gave two results", target.c_str());
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

// Infinities and NaN of one input reach exactly the outputs they belong to.
void special_values_stay_in_their_row(sy_device* device, const std::string& target) {
  Random random;
  for (int64_t tokens : {3, 60}) {
    Matrix x = random.matrix(tokens, 50, SY_BF16), w = random.matrix(20, 50, SY_BF16), y(tokens, 20);
    x.set(1, 7, NAN);
    x.set(2, 49, HUGE_VAL);
    Weight packed = pack(device, SY_BF16, w, target);
    const sy_linear_args args{x.view(), nullptr, packed.get(), nullptr, nullptr, y.view(), 0};
    expect_ok(sy_linear(device, &args), target);
    for (int64_t o = 0; o < 20; ++o) {
      CHECK(std::isfinite(y.at(0, o)), "%s: row 0 is %g", target.c_str(), y.at(0, o));
      CHECK(std::isnan(y.at(1, o)), "%s: row 1 is %g, expected NaN", target.c_str(), y.at(1, o));
      CHECK(y.at(2, o) == std::copysign(HUGE_VAL, w.at(o, 49)), "%s: row 2 is %g for a weight of %g", target.c_str(),
            y.at(2, o), w.at(o, 49));
    }
  }
}

// Setting rows in pieces of any size gives the same weight as all at once, from any type, and rows not set are zero.
void weights_are_set_row_by_row(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype storage : {SY_F32, SY_F16, SY_BF16}) {
    for (sy_dtype source : {SY_F32, SY_F16, SY_BF16}) {
      const int64_t rows = 75, cols = 261, last = 70;
      Matrix w = random.matrix(rows, cols, source, 2), expected(rows, cols, storage);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < cols; ++c) expected.set(r, c, r < last ? w.at(r, c) : 0);
      }
      const std::string what = target + ": " + name(source) + " set as " + name(storage);
      sy_weight* created = nullptr;
      expect_ok(sy_weight_create(device, rows, cols, storage, &created), what);
      Weight weight(created);
      CHECK(sy_weight_bytes(created) >= rows * cols * (storage == SY_F32 ? 4 : 2), "%s: %lld bytes", what.c_str(),
            static_cast<long long>(sy_weight_bytes(created)));
      for (int64_t first = 0; first < last;) {
        const int64_t n = std::min(last - first, random.integer(1, 40));
        sy_tensor part = w.part(first, n, 0, cols);
        expect_ok(sy_weight_set_rows(device, created, first, &part), what);
        first += n;
      }
      // As a table: every element comes back.
      std::vector<int32_t> ids;
      for (int64_t r = 0; r < rows; ++r) ids.push_back(static_cast<int32_t>(rows - 1 - r));
      Matrix y(rows, cols, SY_F32, 1);
      const sy_embedding_args args{created, ids.data(), y.view()};
      expect_ok(sy_embedding(device, &args), what);
      int64_t wrong = 0;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < cols; ++c) wrong += y.at(r, c) != expected.at(rows - 1 - r, c);
      }
      CHECK(wrong == 0 && y.gaps_intact(), "%s: %lld elements are wrong", what.c_str(), static_cast<long long>(wrong));
    }
  }
}

void embedding_rounds_to_the_result_type(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype dtype : {SY_F16, SY_BF16}) {
    Matrix table = random.matrix(40, 67), y(5, 67, dtype, 3);
    Weight packed = pack(device, SY_F32, table, target);
    const int32_t ids[] = {39, 0, 16, 16, 15};
    const sy_embedding_args args{packed.get(), ids, y.view()};
    expect_ok(sy_embedding(device, &args), target);
    for (int64_t t = 0; t < 5; ++t) {
      for (int64_t c = 0; c < 67; ++c) {
        const double want = round_to(dtype, table.at(ids[t], c));
        CHECK(y.at(t, c) == want, "%s: embedding [%lld, %lld] is %g, expected %g", target.c_str(),
              static_cast<long long>(t), static_cast<long long>(c), y.at(t, c), want);
      }
    }
    CHECK(y.gaps_intact(), "%s: embedding wrote between the rows", target.c_str());
  }
}

void copies_round_to_nearest_even(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype from : {SY_F32, SY_F16, SY_BF16}) {
    for (sy_dtype to : {SY_F32, SY_F16, SY_BF16}) {
      for (int64_t cols : {1, 7, 8, 15, 16, 17, 100}) {
        Matrix x = random.matrix(21, cols, from, 3, 100), y(21, cols, to, 2);
        const double special[] = {NAN,        HUGE_VAL,       -HUGE_VAL, 0.0,        -0.0, 65504,       65519.9,
                                  65520,      -70000,         1e-7,      2.98023e-8, 6e-8, 1 + 0x1p-11, 1 + 3 * 0x1p-11,
                                  1 + 0x1p-8, 1 + 3 * 0x1p-8, 3.3e38,    1e-40};
        for (int64_t i = 0; i < 18; ++i) x.set(i, random.integer(0, cols - 1), special[i]);
        expect_ok(sy_copy(device, x.view(), y.view()), target);
        for (int64_t r = 0; r < 21; ++r) {
          for (int64_t c = 0; c < cols; ++c) {
            const double want = round_to(to, x.at(r, c)), got = y.at(r, c);
            CHECK(std::isnan(want) ? std::isnan(got) : got == want && std::signbit(got) == std::signbit(want),
                  "%s: %.9g as %s becomes %.9g as %s, expected %.9g", target.c_str(), x.at(r, c), name(from), got,
                  name(to), want);
          }
        }
        CHECK(y.gaps_intact(), "%s: copy wrote between the rows", target.c_str());
      }
    }
  }
}

void rows_are_gathered_and_zeroed(sy_device* device, const std::string& target) {
  Random random;
  for (sy_dtype dtype : {SY_F32, SY_F16, SY_BF16}) {
    Matrix x = random.matrix(30, 37, dtype, 5), y(6, 37, dtype, 1);
    const int32_t rows[] = {29, 3, 3, 0, 17, 28};
    const sy_gather_rows_args args{x.view(), rows, y.view()};
    expect_ok(sy_gather_rows(device, &args), target);
    for (int64_t r = 0; r < 6; ++r) {
      for (int64_t c = 0; c < 37; ++c) {
        CHECK(y.at(r, c) == x.at(rows[r], c), "%s: gathered row %lld differs", target.c_str(),
              static_cast<long long>(r));
      }
    }
    CHECK(y.gaps_intact(), "%s: gather_rows wrote between the rows", target.c_str());
    expect_ok(sy_zero(device, x.view()), target);
    for (double value : x.values())
      CHECK(value == 0 && !std::signbit(value), "%s: zero left %g", target.c_str(), value);
    CHECK(x.gaps_intact(), "%s: zero wrote between the rows", target.c_str());
  }
}

void test_target(sy_device* device, const std::string& target) {
  small_sizes_and_all_storage_types(device, target);
  norm_and_gate_around_a_product(device, target);
  edges(device, target);
  real_shapes(device, target);
  long_sums_stay_accurate(device, target);
  special_values_stay_in_their_row(device, target);
  weights_are_set_row_by_row(device, target);
  embedding_rounds_to_the_result_type(device, target);
  copies_round_to_nearest_even(device, target);
  rows_are_gathered_and_zeroed(device, target);
}

}  // namespace

int main() {
  for_each_target([](sy_device* device, const std::string& target) {
    test_target(device, target);
    rows_do_not_depend_on_their_neighbours(device, target);
  });
  if (!only_on_cpu("tiles in software", "they stand in for AMX")) return finish();
  for (int threads : {1, 3}) {
    sy_device device(sambay::cpu_processor_table(), new sambay::CpuProcessor(ops_with_software_tiles(), threads));
    const std::string description = sy_device_description(&device);
    small_sizes_and_all_storage_types(&device, description);
    norm_and_gate_around_a_product(&device, description);
    edges(&device, description);
    real_shapes(&device, description);
    long_sums_stay_accurate(&device, description);
    special_values_stay_in_their_row(&device, description);
  }
  return finish();
}
