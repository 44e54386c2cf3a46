// The one table of what tests allow, with the reasons.
#ifndef SAMBAY_TESTS_TOLERANCES_H_
#define SAMBAY_TESTS_TOLERANCES_H_

#include "sambay/sambay.h"

namespace sambay::test {

// Against a double-precision reference on the same rounded inputs, as a share of the largest expected magnitude. f32:
// sums of some thousand terms and functions good to 3e-7. Narrower results add their own last rounding: half a unit of
// an 11- or an 8-bit significand.
inline double tolerance_of(sy_dtype result) {
  return result == SY_F32 ? 1e-5 : result == SY_F16 ? 1e-5 + 0x1p-11 : 1e-5 + 0x1p-8;
}

// What is added where probabilities are rounded to the 16-bit type of keys and values before they meet the values, as
// published implementations do: half a unit of each, and the differential form magnifies it, for its norm divides by
// the difference of two averages.
inline double rounded_probabilities(sy_dtype dtype) { return dtype == SY_F32 ? 0 : dtype == SY_F16 ? 0x1p-11 : 0x1p-8; }

// Two ways to the same f32 result: both may be off by the above, in opposite directions.
constexpr double kTwoWays = 2e-5;

}  // namespace sambay::test

#endif  // SAMBAY_TESTS_TOLERANCES_H_
