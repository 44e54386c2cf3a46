// The kernels of linear and embedding in the SIMT shim: every path and its borders, in every order of threads.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "api/error.h"
#include "cuda/linear.h"
#include "cuda/ops.h"
#include "cuda/queue.h"
#include "cuda/simt.h"
#include "matrix.h"
#include "simt/orders.h"

using namespace sambay::test;
using sambay::cuda::Queue;
namespace cuda = sambay::cuda;

namespace {

struct WeightDeleter {
  void operator()(sy_weight* weight) const { cuda::destroy_weight(weight); }
};
using Weight = std::unique_ptr<sy_weight, WeightDeleter>;

const char* name(sy_dtype dtype) {
  constexpr const char* kNames[] = {"f32", "f16", "bf16", "int8", "int4"};
  return kNames[dtype];
}

// Rows of codes as in a file, and their values.
struct Codes {
  Codes(Random& random, sy_dtype dtype, int64_t rows, int64_t cols)
      : bytes(static_cast<size_t>(dtype == SY_INT8 ? rows * cols : rows * cols / 2)),
        scales(rows, cols / SY_GROUP, SY_F16),
        values(rows, cols) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        if (c % SY_GROUP == 0) scales.set(r, c / SY_GROUP, random.uniform(0.001, 0.1));
        const int64_t code = dtype == SY_INT8 ? random.integer(-127, 127) : random.integer(-8, 7);
        const auto at = static_cast<size_t>(r * cols + c);
        if (dtype == SY_INT8) {
          bytes[at] = static_cast<uint8_t>(code);
        } else {
          bytes[at / 2] = static_cast<uint8_t>(c % 2 == 0 ? 8 + code : bytes[at / 2] | (8 + code) << 4);
        }
        values.set(r, c, static_cast<double>(code) * scales.at(r, c / SY_GROUP));
      }
    }
    view = {bytes.data(), static_cast<uint16_t*>(scales.view()->data), dtype, rows, cols};
  }
  // Rows first_row to first_row + n - 1.
  sy_quantized part(int64_t first_row, int64_t n) const {
    const int64_t code_bytes = view.dtype == SY_INT8 ? view.cols : view.cols / 2;
    return {static_cast<uint8_t*>(view.codes) + first_row * code_bytes,
            view.scales + first_row * (view.cols / SY_GROUP), view.dtype, n, view.cols};
  }

  std::vector<uint8_t> bytes;
  Matrix scales, values;
  sy_quantized view;
};

// A weight of any storage with random elements, and what they are.
struct Packed {
  Weight weight;
  Matrix values;
};
Packed random_weight(Queue& queue, Random& random, sy_dtype storage, int64_t rows, int64_t cols) {
  Weight weight(cuda::create_weight(queue, rows, cols, storage));
  queue.begin_operation();
  if (storage == SY_INT8 || storage == SY_INT4) {
    const Codes codes(random, storage, rows, cols);
    cuda::set_quantized_rows(queue, *weight, 0, codes.view);
    return {std::move(weight), codes.values};
  }
  Matrix values = random.matrix(rows, cols, storage, random.integer(0, 3));
  cuda::set_rows(queue, *weight, 0, *values.view());
  return {std::move(weight), values};
}

struct Case {
  int64_t tokens, inputs, outputs;  // of W
  sy_dtype x, weight, y;
  uint32_t flags = 0;
  bool with_bias = false;
  enum { kNone, kRms, kLayer } norm = kNone;
  sy_dtype norm_dtype = SY_BF16;
  bool warpgroups = false;
};

std::string describe(const Case& c) {
  const char* norms[] = {"", ", RMSNorm to ", ", LayerNorm to "};
  const char* flags[] = {"", ", accumulate", ", SwiGLU", "", ", GMU"};
  return std::string(c.warpgroups ? "warpgroups: " : "") + "linear [" + std::to_string(c.tokens) + ", " +
         std::to_string(c.inputs) + "] to " + std::to_string(c.outputs) + ", " + name(c.x) + " x, " + name(c.weight) +
         " weight, " + name(c.y) + " y" + (c.with_bias ? ", bias" : "") + flags[c.flags] + norms[c.norm] +
         (c.norm != Case::kNone ? name(c.norm_dtype) : "");
}

// Everything a case is given and what is expected of it.
struct Problem {
  Problem(Queue& queue, Random& random, const Case& of)
      : c(of),
        columns(c.flags == SY_LINEAR_SWIGLU ? c.outputs / 2 : c.outputs),
        x(random.matrix(c.tokens, c.inputs, c.x, random.integer(0, 1) * random.integer(1, 9))),
        w(random_weight(queue, random, c.weight, c.outputs, c.inputs)),
        bias(random.matrix(1, c.outputs)),
        norm_weight(random.matrix(1, c.inputs)),
        norm_bias(random.matrix(1, c.inputs)),
        memory(random.matrix(c.tokens, columns, random.dtype(), random.integer(0, 3))),
        y(random.matrix(c.tokens, columns, c.y, random.integer(0, 3))),
        want(reference()) {}

  // y of rows first to first + rows - 1 alone.
  Matrix run(Queue& queue, int64_t first, int64_t rows) {
    Matrix all = y;
    Matrix result(rows, columns, c.y, 1);
    for (int64_t t = 0; t < rows; ++t) {
      for (int64_t o = 0; o < columns; ++o) result.set(t, o, all.at(first + t, o));
    }
    sy_tensor some = x.part(first, rows, 0, c.inputs), some_memory = memory.part(first, rows, 0, columns);
    const sy_norm norm{norm_weight.view(), c.norm == Case::kLayer ? norm_bias.view() : nullptr, 1e-5f, c.norm_dtype};
    const sy_linear_args args{&some,
                              c.norm == Case::kNone ? nullptr : &norm,
                              w.weight.get(),
                              c.with_bias ? bias.view() : nullptr,
                              c.flags == SY_LINEAR_GMU ? &some_memory : nullptr,
                              result.view(),
                              c.flags};
    queue.begin_operation();
    c.warpgroups ? cuda::linear_by_warpgroups(queue, args) : cuda::linear(queue, args);
    queue.finish_operation();
    return result;
  }
  Matrix run(Queue& queue) { return run(queue, 0, c.tokens); }

  double tolerance() const {
    // A norm may round an element the other way.
    return tolerance_of(c.y) + (c.norm == Case::kNone || c.norm_dtype == SY_F32 ? 0
                                : c.norm_dtype == SY_F16                        ? 0x1p-11
                                                                                : 0x1p-8);
  }

  Case c;
  int64_t columns;
  Matrix x;
  Packed w;
  Matrix bias, norm_weight, norm_bias, memory, y;
  Doubles want;

 private:
  Doubles normed(int64_t t) const {
    Doubles row;
    for (int64_t k = 0; k < c.inputs; ++k) row.push_back(x.at(t, k));
    if (c.norm == Case::kNone) return row;
    double mean = 0, variance = 0;
    if (c.norm == Case::kLayer) {
      for (double v : row) mean += v / static_cast<double>(c.inputs);
    }
    for (double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(c.inputs);
    for (int64_t k = 0; k < c.inputs; ++k) {
      double& v = row[static_cast<size_t>(k)];
      v = (v - mean) / std::sqrt(variance + 1e-5f) * norm_weight.at(0, k);
      v = round_to(c.norm_dtype, v + (c.norm == Case::kLayer ? norm_bias.at(0, k) : 0));
    }
    return row;
  }
  Doubles reference() const {
    Doubles result;
    for (int64_t t = 0; t < c.tokens; ++t) {
      const Doubles row = normed(t);
      auto product = [&](int64_t o) {
        double sum = c.with_bias ? bias.at(0, o) : 0;
        for (int64_t k = 0; k < c.inputs; ++k) sum += row[static_cast<size_t>(k)] * w.values.at(o, k);
        return sum;
      };
      auto silu = [](double v) { return v / (1 + std::exp(-v)); };
      for (int64_t o = 0; o < columns; ++o) {
        double v = product(o);
        if (c.flags == SY_LINEAR_ACCUMULATE) v += y.at(t, o);
        if (c.flags == SY_LINEAR_SWIGLU) v = silu(v) * product(columns + o);
        if (c.flags == SY_LINEAR_GMU) v = silu(v) * memory.at(t, o);
        result.push_back(v);
      }
    }
    return result;
  }
};

void check_case(Queue& queue, Random& random, const Case& c) {
  Problem problem(queue, random, c);
  std::unique_ptr<Matrix> first;
  for_each_order([&](const std::string& order) {
    const Matrix y = problem.run(queue);
    if (first == nullptr) {
      expect_near(y, problem.want, problem.tolerance(), describe(c));
      first = std::make_unique<Matrix>(y);
    }
    CHECK(y.same_bytes(*first), "%s: the result differs with threads in order %s", describe(c).c_str(), order.c_str());
  });
}

// The pairs of types that tensor cores take.
struct Types {
  sy_dtype x, weight;
};
constexpr Types kFastTypes[] = {{SY_BF16, SY_BF16}, {SY_F16, SY_F16}, {SY_BF16, SY_INT8}, {SY_BF16, SY_INT4}};

void decode_and_prefill() {
  Queue queue(0);
  Random random;
  for (const auto [x, weight] : kFastTypes) {
    const bool quantised = weight == SY_INT8 || weight == SY_INT4;
    for (int64_t tokens : {1, 3, 8, 9, 16, 17, 40, 64, 65, 129}) {
      // A few units, their tails and, with four multiprocessors, units that several blocks share.
      const int64_t sizes[] = {32, 96, 160, 320};
      int64_t inputs = sizes[random.integer(0, 3)];
      if (!quantised) inputs += random.integer(-1, 1) * random.integer(0, 31);
      const int64_t outputs = random.integer(1, 200);
      check_case(queue, random, {tokens, inputs, outputs, x, weight, random.dtype()});
      check_case(queue, random, {tokens, inputs, 2 * 16 * random.integer(1, 5), x, weight, SY_BF16, SY_LINEAR_SWIGLU});
    }
    check_case(queue, random, {2, 2560, 70, x, weight, SY_F32});
    check_case(queue, random, {5, 2560, 70, x, weight, SY_F32});
    check_case(queue, random, {20, 1280, 192, x, weight, SY_F32});
    check_case(queue, random, {70, 1280, 192, x, weight, SY_F32});
    check_case(queue, random, {300, 320, 192, x, weight, SY_F32});
  }
}

void norms_and_epilogues() {
  Queue queue(0);
  Random random;
  for (int64_t tokens : {1, 4, 5, 13, 33, 100}) {
    for (const auto [x, weight] : kFastTypes) {
      for (uint32_t flags : {0u, SY_LINEAR_ACCUMULATE, SY_LINEAR_SWIGLU, SY_LINEAR_GMU}) {
        Case c{tokens, 160, 96, random.dtype(), weight, random.dtype(), flags, random.integer(0, 1) == 1};
        c.norm = random.integer(0, 1) == 1 ? Case::kLayer : Case::kRms;
        c.norm_dtype = x;
        check_case(queue, random, c);
      }
    }
  }
}

// The kernel for compute capability 9.0: rings that run across tiles, tails of both sides, every epilogue.
void warpgroups() {
  setenv("SAMBAY_SIMT_CAPABILITY", "90", 1);
  Queue queue(0);
  unsetenv("SAMBAY_SIMT_CAPABILITY");
  Random random;
  for (sy_dtype dtype : {SY_BF16, SY_F16}) {
    for (uint32_t flags : {0u, SY_LINEAR_ACCUMULATE, SY_LINEAR_SWIGLU, SY_LINEAR_GMU}) {
      Case c{random.integer(1, 600),
             64 * random.integer(1, 6),
             32 * random.integer(1, 9),
             dtype,
             dtype,
             random.dtype(),
             flags,
             random.integer(0, 1) == 1};
      c.norm = random.integer(0, 1) == 1 ? Case::kLayer : Case::kNone;
      c.norm_dtype = dtype;
      c.warpgroups = true;
      check_case(queue, random, c);
    }
    Case few{1, 50, 3, dtype, dtype, SY_F32};
    few.warpgroups = true;
    check_case(queue, random, few);
    Case tiles{700, 64, 300, dtype, dtype, SY_F32};  // more than there are multiprocessors
    tiles.warpgroups = true;
    check_case(queue, random, tiles);
  }
}

// What no tensor core takes: mixed types, halves that are no row blocks, f32.
void general() {
  Queue queue(0);
  Random random;
  for (sy_dtype weight : {SY_F32, SY_F16, SY_BF16, SY_INT8, SY_INT4}) {
    for (sy_dtype x : {SY_F32, SY_F16, SY_BF16}) {
      for (int64_t tokens : {1, 16, 17, 70}) {
        const bool quantised = weight == SY_INT8 || weight == SY_INT4;
        const int64_t inputs = quantised ? 96 : random.integer(1, 100);
        check_case(queue, random, {tokens, inputs, random.integer(1, 100), x, weight, random.dtype(), 0, true});
        check_case(queue, random, {tokens, inputs, 2 * random.integer(1, 40), x, weight, SY_F32, SY_LINEAR_SWIGLU});
        Case c{tokens, inputs, 50, x, weight, SY_F32, SY_LINEAR_GMU, true, Case::kLayer, SY_F32};
        check_case(queue, random, c);
      }
    }
  }
}

// A row's result is the same to the bit alone and among others: among those of a decode step, and those of a prompt.
void rows_do_not_depend_on_their_neighbours() {
  Queue queue(0);
  Random random;
  struct Sizes {
    int64_t all;
    std::vector<int64_t> some;
  };
  for (const auto [x, weight] : kFastTypes) {
    for (bool norm : {false, true}) {
      for (const Sizes& sizes : {Sizes{64, {1, 2, 4, 5, 8, 9, 16, 17, 50}}, Sizes{200, {65, 128, 129}}}) {
        Case c{sizes.all, 640, 224, x, weight, SY_F32, SY_LINEAR_SWIGLU, true};
        c.norm = norm ? Case::kLayer : Case::kNone;
        c.norm_dtype = x;
        Problem problem(queue, random, c);
        const Matrix together = problem.run(queue);
        for (int64_t rows : sizes.some) {
          const int64_t first = random.integer(0, sizes.all - rows);
          const Matrix apart = problem.run(queue, first, rows);
          int64_t different = 0;
          for (int64_t t = 0; t < rows; ++t) {
            for (int64_t o = 0; o < problem.columns; ++o) different += apart.at(t, o) != together.at(first + t, o);
          }
          CHECK(different == 0, "%s: %lld elements of %lld rows alone differ", describe(c).c_str(),
                static_cast<long long>(different), static_cast<long long>(rows));
        }
      }
    }
  }
}

// Rows set in pieces come back as a table, from any type; rows not set are zero.
void weights_and_embeddings() {
  Queue queue(0);
  Random random;
  for (sy_dtype storage : {SY_F32, SY_F16, SY_BF16, SY_INT8, SY_INT4}) {
    const bool quantised = storage == SY_INT8 || storage == SY_INT4;
    const int64_t rows = 75, cols = quantised ? 288 : 261, last = 70;
    const sy_dtype source = random.dtype();
    Matrix w = random.matrix(rows, cols, source, 2);
    const Codes codes(random, quantised ? storage : SY_INT8, rows, 288);
    Weight weight(cuda::create_weight(queue, rows, cols, storage));
    for (int64_t first = 0; first < last;) {
      const int64_t n = std::min(last - first, random.integer(1, 40));
      queue.begin_operation();
      if (quantised) {
        cuda::set_quantized_rows(queue, *weight, first, codes.part(first, n));
      } else {
        cuda::set_rows(queue, *weight, first, w.part(first, n, 0, cols));
      }
      first += n;
    }
    std::vector<int32_t> ids;
    for (int64_t r = 0; r < rows; ++r) ids.push_back(static_cast<int32_t>(rows - 1 - r));
    for (sy_dtype dtype : {SY_F32, SY_F16, SY_BF16}) {
      Matrix y(rows, cols, dtype, 1);
      queue.begin_operation();
      cuda::embedding(queue, sy_embedding_args{weight.get(), ids.data(), y.view()});
      queue.finish_operation();
      int64_t wrong = 0;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < cols; ++c) {
          const int64_t row = rows - 1 - r;
          const double element = quantised ? codes.values.at(row, c) : round_to(storage, w.at(row, c));
          wrong += y.at(r, c) != (row < last ? round_to(dtype, element) : 0);
        }
      }
      CHECK(wrong == 0 && y.gaps_intact(), "%s set as %s, looked up as %s: %lld elements are wrong", name(source),
            name(storage), name(dtype), static_cast<long long>(wrong));
    }
  }
}

// Infinities and NaN of one input reach exactly the outputs they belong to.
void special_values_stay_in_their_row() {
  Queue queue(0);
  Random random;
  for (int64_t tokens : {3, 12, 60, 80}) {
    Problem problem(queue, random, {tokens, 50, 20, SY_BF16, SY_BF16, SY_F32});
    problem.x.set(1, 7, NAN);
    problem.x.set(2, 49, HUGE_VAL);
    const Matrix y = problem.run(queue);
    for (int64_t o = 0; o < 20; ++o) {
      CHECK(std::isfinite(y.at(0, o)), "row 0 is %g", y.at(0, o));
      CHECK(std::isnan(y.at(1, o)), "row 1 is %g, expected NaN", y.at(1, o));
      CHECK(y.at(2, o) == std::copysign(HUGE_VAL, problem.w.values.at(o, 49)), "row 2 is %g for a weight of %g",
            y.at(2, o), problem.w.values.at(o, 49));
    }
  }
}

}  // namespace

int main() {
  weights_and_embeddings();
  decode_and_prefill();
  norms_and_epilogues();
  warpgroups();
  general();
  special_values_stay_in_their_row();
  rows_do_not_depend_on_their_neighbours();
  return finish();
}
