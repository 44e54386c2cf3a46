// copy, zero, gather_rows.
#include "matrix.h"

using namespace sambay::test;

namespace {

void test_copy(sy_device* device, const std::string& target, int64_t rows, int64_t cols, Random& random) {
  for (sy_dtype from_dtype : {SY_F32, SY_F16, SY_BF16}) {
    for (sy_dtype to_dtype : {SY_F32, SY_F16, SY_BF16}) {
      const int64_t from_gap = 4 * random.integer(0, 2) * random.integer(0, 2), to_gap = 8 * random.integer(0, 1);
      Matrix from = random.matrix(rows, cols, from_dtype, from_gap, 100), to(rows, cols, to_dtype, to_gap);
      expect_ok(sy_copy(device, from.view(), to.view()), target);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < cols; ++c) {
          if (!CHECK(to.at(r, c) == round_to(to_dtype, from.at(r, c)), "copy %s: [%d, %d] of %d to %d is %g, was %g",
                     target.c_str(), static_cast<int>(r), static_cast<int>(c), from_dtype, to_dtype, to.at(r, c),
                     from.at(r, c))) {
            return;
          }
        }
      }
      CHECK(to.gaps_intact(), "copy %s: elements between the rows were written", target.c_str());
      expect_ok(sy_zero(device, to.view()), target);
      for (double value : to.values()) CHECK(value == 0, "zero %s: %g is left", target.c_str(), value);
      CHECK(to.gaps_intact(), "zero %s: elements between the rows were written", target.c_str());
    }
  }
}

void test_gather(sy_device* device, const std::string& target, int64_t cols, Random& random) {
  for (sy_dtype dtype : {SY_F32, SY_F16, SY_BF16}) {
    Matrix x = random.matrix(7, cols, dtype, 8 * random.integer(0, 1)), y(5, cols, dtype, random.integer(0, 8));
    const int32_t rows[] = {6, 0, 3, 3, 1};
    const sy_gather_rows_args args{x.view(), rows, y.view()};
    expect_ok(sy_gather_rows(device, &args), target);
    for (int64_t r = 0; r < 5; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        CHECK(y.at(r, c) == x.at(rows[r], c), "gather_rows %s: [%d, %d] of %d columns", target.c_str(),
              static_cast<int>(r), static_cast<int>(c), static_cast<int>(cols));
      }
    }
    CHECK(y.gaps_intact(), "gather_rows %s: elements between the rows were written", target.c_str());
  }
}

}  // namespace

int main() {
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    for (int64_t cols : {1, 7, 8, 16, 33, 256, 1024, 1025, 2056}) {
      test_copy(device, target, 3, cols, random);
      test_copy(device, target, 1, cols, random);
      test_gather(device, target, cols, random);
    }
  });
  return finish();
}
