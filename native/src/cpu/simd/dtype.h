#ifndef SAMBAY_CPU_SIMD_DTYPE_H_
#define SAMBAY_CPU_SIMD_DTYPE_H_

#include <stdint.h>

namespace sambay {
namespace {

// Storage types that are not computed with: a vector of them is widened to f32 when loaded and rounded to nearest even
// when stored.
struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_SIMD_DTYPE_H_
