#include "matrix.h"

using namespace sambay::test;

namespace {

void test_rope(sy_device* device, const std::string& target, int64_t heads, int64_t head_dim, int64_t half,
               Random& random, bool aligned = false) {
  const std::string what = "rope " + target + ", head " + std::to_string(head_dim) + ", r/2 " + std::to_string(half);
  Batch batch;
  batch.add(3, 1, 4);
  batch.add(1, 0, 11);
  batch.add(5, 2, 0);
  Matrix cos(12, half, SY_F32, aligned ? 4 : 2), sin(12, half, SY_F32, aligned ? 0 : 1);
  for (int64_t p = 0; p < 12; ++p) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<double>(p) * std::pow(10000, -static_cast<double>(i) / static_cast<double>(half));
      cos.set(p, i, 1.19 * std::cos(angle));
      sin.set(p, i, 1.19 * std::sin(angle));
    }
  }
  Matrix x = random.matrix(batch.tokens(), heads * head_dim, random.dtype(), aligned ? 8 : 3);
  Doubles want;
  for (int32_t s = 0; s < 3; ++s) {
    for (int64_t row = batch.seq_start[s]; row < batch.seq_start[s + 1]; ++row) {
      const int64_t position = batch.position[s] + row - batch.seq_start[s];
      for (int64_t c = 0; c < heads * head_dim; ++c) {
        const int64_t j = c % head_dim;
        double value = x.at(row, c);
        if (j < half)
          value = value * cos.at(position, j) - x.at(row, c + half) * sin.at(position, j);
        else if (j < 2 * half)
          value = value * cos.at(position, j - half) + x.at(row, c - half) * sin.at(position, j - half);
        want.push_back(value);
      }
    }
  }
  const sy_rope_args args{batch.get(), x.view(), cos.view(), sin.view(), static_cast<int32_t>(head_dim)};
  expect_ok(sy_rope(device, &args), what);
  expect_near(x, want, what);
}

}  // namespace

int main() {
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    test_rope(device, target, 1, 2, 1, random);
    test_rope(device, target, 3, 16, 6, random);
    test_rope(device, target, 3, 17, 8, random);
    test_rope(device, target, 2, 34, 17, random);
    for (int round = 0; round < 3; ++round) test_rope(device, target, 24, 128, 48, random);
    for (int round = 0; round < 3; ++round) test_rope(device, target, 3, 24, 8, random, true);
    test_rope(device, target, 24, 128, 48, random, true);
  });
  return finish();
}
