// layer_norm, rms_norm.
#include "matrix.h"

using namespace sambay::test;

namespace {

// Biased variance around the mean, or the mean square.
Doubles reference(const Matrix& x, const Matrix& weight, const Matrix* bias, double eps) {
  Doubles y;
  for (int64_t r = 0; r < x.rows(); ++r) {
    double mean = 0, square = 0;
    for (int64_t c = 0; c < x.cols(); ++c) mean += x.at(r, c) / static_cast<double>(x.cols());
    if (bias == nullptr) mean = 0;
    for (int64_t c = 0; c < x.cols(); ++c) square += std::pow(x.at(r, c) - mean, 2) / static_cast<double>(x.cols());
    for (int64_t c = 0; c < x.cols(); ++c) {
      y.push_back((x.at(r, c) - mean) / std::sqrt(square + eps) * weight.at(0, c) + (bias ? bias->at(0, c) : 0));
    }
  }
  return y;
}

void check_norms(sy_device* device, Matrix& x, Matrix& weight, Matrix& bias, sy_dtype y_dtype, const std::string& what,
                 int64_t gap = 3) {
  const float eps = 1e-5f;
  Matrix y(x.rows(), x.cols(), y_dtype, gap);
  const sy_layer_norm_args layer{x.view(), weight.view(), bias.view(), y.view(), eps};
  expect_ok(sy_layer_norm(device, &layer), what);
  expect_near(y, reference(x, weight, &bias, eps), "layer_norm " + what);
  const sy_rms_norm_args rms{x.view(), weight.view(), y.view(), eps};
  expect_ok(sy_rms_norm(device, &rms), what);
  expect_near(y, reference(x, weight, nullptr, eps), "rms_norm " + what);
}

void test_target(sy_device* device, const std::string& target) {
  Random random;
  for (int64_t features : {1, 7, 8, 9, 15, 16, 17, 31, 33, 255, 2560, 2571}) {
    Matrix x = random.matrix(5, features, random.dtype(), random.integer(0, 5));
    Matrix weight = random.matrix(1, features), bias = random.matrix(1, features);
    const std::string what = target + ", " + std::to_string(features) + " features";
    for (sy_dtype y : {SY_F32, SY_F16, SY_BF16}) check_norms(device, x, weight, bias, y, what);
    // rows at multiples of 16 bytes, where there are kernels for that
    for (sy_dtype dtype : {SY_F32, SY_F16, SY_BF16}) {
      Matrix aligned = random.matrix(5, features, dtype, features % 8 == 0 ? 8 : 0);
      for (sy_dtype y : {SY_F32, SY_F16, SY_BF16}) check_norms(device, aligned, weight, bias, y, what + ", aligned", 8);
    }

    // in place
    Matrix in_place = x;
    const sy_layer_norm_args args{in_place.view(), weight.view(), bias.view(), in_place.view(), 1e-5f};
    expect_ok(sy_layer_norm(device, &args), what);
    expect_near(in_place, reference(x, weight, &bias, 1e-5f), "in place " + what);
  }

  // Every row is judged by its own scale.
  for (double scale : {1e-20, 1e-6, 1e-2, 1e3, 1e8}) {
    Matrix x = random.matrix(1, 2560, SY_F32, 0, scale);
    Matrix weight = random.matrix(1, 2560), bias = random.matrix(1, 2560, SY_F32, 0, 0);
    check_norms(device, x, weight, bias, SY_F32, target + ", scale " + std::to_string(scale));
  }

  // Of a constant row the layer norm leaves the bias alone, however large the constant.
  for (double constant : {0.1, -3.3, 1234.567, 1e6 / 3}) {
    Matrix x(1, 2560), weight = random.matrix(1, 2560), bias = random.matrix(1, 2560), y(1, 2560);
    for (int64_t c = 0; c < 2560; ++c) x.set(0, c, constant);
    const sy_layer_norm_args args{x.view(), weight.view(), bias.view(), y.view(), 1e-5f};
    expect_ok(sy_layer_norm(device, &args), target);
    expect_near(y, bias.values(), target + ", constant row " + std::to_string(constant));
  }

  // A large mean does not drown a small variance beyond what the inputs themselves lost.
  Matrix x(1, 2560), weight = random.matrix(1, 2560), bias = random.matrix(1, 2560);
  for (int64_t c = 0; c < 2560; ++c) x.set(0, c, 1000 + random.normal());
  check_norms(device, x, weight, bias, SY_F32, target + ", mean 1000");
}

}  // namespace

int main() {
  for_each_target(test_target);
  return finish();
}
