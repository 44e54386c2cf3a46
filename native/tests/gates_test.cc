// swiglu, gmu.
#include "matrix.h"

using namespace sambay::test;

namespace {

double silu(double v) { return v / (1 + std::exp(-v)); }

void test_swiglu(sy_device* device, const std::string& target, int64_t features, bool aligned, Random& random) {
  const sy_dtype dtype = random.dtype();
  Matrix gate_up =
      random.matrix(3, 2 * features, random.dtype(), aligned ? 8 * random.integer(0, 1) : random.integer(0, 9), 4);
  for (int64_t r = 0; r < 3; ++r) gate_up.set(r, random.integer(0, features - 1), r == 1 ? -100 : 100);
  Doubles want;
  for (int64_t r = 0; r < 3; ++r) {
    for (int64_t c = 0; c < features; ++c) want.push_back(silu(gate_up.at(r, c)) * gate_up.at(r, features + c));
  }
  Matrix y(3, features, dtype, aligned ? 8 : 1);
  const sy_swiglu_args args{gate_up.view(), y.view()};
  expect_ok(sy_swiglu(device, &args), target);
  expect_near(y, want, "swiglu " + target + ", " + std::to_string(features) + " features");
}

void test_gmu(sy_device* device, const std::string& target, Random& random) {
  struct Shape {
    int64_t inner;
    int32_t groups;
    bool aligned = false;
  };
  for (Shape shape : {Shape{1, 1},
                      {7, 1},
                      {8, 2},
                      {17, 17},
                      {48, 3},
                      {96, 2},
                      {1025, 5},
                      {5120, 1},
                      {5120, 4},
                      {8, 1, true},
                      {48, 3, true},
                      {24, 2, true},
                      {2056, 1, true},
                      {5120, 4, true}}) {
    const int64_t inner = shape.inner, size = inner / shape.groups;
    Matrix gate = random.matrix(4, inner, random.dtype(), shape.aligned ? 8 : 2);
    Matrix memory = random.matrix(4, inner, random.dtype(), shape.aligned ? 16 : 1);
    Matrix weight = random.matrix(1, inner);
    const float eps = 1e-5f;
    Doubles plain, normed;
    for (int64_t r = 0; r < 4; ++r) {
      for (int64_t c = 0; c < inner; ++c) plain.push_back(silu(gate.at(r, c)) * memory.at(r, c));
      for (int64_t c = 0; c < inner; ++c) {
        double square = 0;
        for (int64_t i = 0; i < size; ++i) {
          square +=
              std::pow(plain[static_cast<size_t>(r * inner + c / size * size + i)], 2) / static_cast<double>(size);
        }
        normed.push_back(plain[static_cast<size_t>(r * inner + c)] / std::sqrt(square + eps) * weight.at(0, c));
      }
    }
    const std::string what = target + ", inner " + std::to_string(inner) + ", groups " + std::to_string(shape.groups);
    Matrix y(4, inner, random.dtype(), shape.aligned ? 8 : 3);
    sy_gmu_args args{gate.view(), memory.view(), nullptr, y.view(), eps, shape.groups};
    expect_ok(sy_gmu(device, &args), what);
    expect_near(y, plain, "gmu " + what);
    args.norm_weight = weight.view();
    expect_ok(sy_gmu(device, &args), what);
    expect_near(y, normed, "normalised gmu " + what);
    Matrix in_place = gate;
    args.gate = args.y = in_place.view();
    expect_ok(sy_gmu(device, &args), what);
    expect_near(in_place, normed, "gmu in place " + what);
  }
}

}  // namespace

int main() {
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    for (int64_t features : {1, 7, 8, 9, 15, 16, 17, 1023, 1024, 1025, 10240}) {
      test_swiglu(device, target, features, false, random);
    }
    // rows at multiples of 16 bytes, where there are kernels for that
    for (int64_t features : {8, 16, 1032, 10240}) test_swiglu(device, target, features, true, random);
    test_gmu(device, target, random);
  });
  return finish();
}
