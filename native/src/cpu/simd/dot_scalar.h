#ifndef SAMBAY_CPU_SIMD_DOT_H_
#define SAMBAY_CPU_SIMD_DOT_H_

// Dot products of 8-bit integers, spelt for any processor. dot_avx2.h says what each word means.

#include <stdint.h>
#include <string.h>

#include "cpu/simd/vec_scalar.h"

namespace sambay {
namespace {

using Codes = uint32_t;

constexpr bool kDotInstruction = false;

inline Codes load_codes(const uint8_t* from) {
  Codes codes;
  memcpy(&codes, from, sizeof codes);
  return codes;
}
inline void store_codes(uint8_t* to, Codes codes) { memcpy(to, &codes, sizeof codes); }
inline Codes low_halves(Codes codes) { return codes & 0x0f0f0f0f; }
inline Codes high_halves(Codes codes) { return codes >> 4 & 0x0f0f0f0f; }

inline Vec float_of(const int32_t* from, int32_t more) { return static_cast<float>(*from + more); }

class Int8Dot {
 public:
  explicit Int8Dot(int32_t start = 0) : sum_(start) {}
  void add(Codes codes, const int8_t* x) {
    for (int i = 0; i < 4; ++i) sum_ += static_cast<int32_t>(codes >> 8 * i & 0xff) * x[i];
  }
  Vec value() const { return static_cast<float>(sum_); }

 private:
  int32_t sum_;
};

using Int4Dot = Int8Dot;

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_SIMD_DOT_H_
