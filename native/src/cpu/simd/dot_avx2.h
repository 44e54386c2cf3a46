#ifndef SAMBAY_CPU_SIMD_DOT_H_
#define SAMBAY_CPU_SIMD_DOT_H_

// Dot products of 8-bit integers over one group of columns, kLanes rows of a weight at a time, in AVX2.

#include <string.h>

#include "cpu/simd/vec_avx2.h"

namespace sambay {
namespace {

using Codes = __m256i;  // kLanes rows by 4 columns of bytes 0 .. 255

// Whether one instruction multiplies bytes and adds to 32-bit sums.
constexpr bool kDotInstruction = false;

inline Codes load_codes(const uint8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
// The lower and the upper 4 bits of each byte, as bytes 0 .. 15.
inline Codes low_halves(Codes codes) { return _mm256_and_si256(codes, _mm256_set1_epi8(15)); }
inline Codes high_halves(Codes codes) { return low_halves(_mm256_srli_epi16(codes, 4)); }

// start + the sum of codes 0 .. 15 times x over at most 32 columns. Products of two 8-bit numbers are added in 16 bits,
// which is exact for codes this small: 32 / 2 * 15 * 127 < 2^15.
class Int4Dot {
 public:
  explicit Int4Dot(int32_t start) : start_(start), sum_(_mm256_setzero_si256()) {}
  // 4 columns.
  void add(Codes codes, const int8_t* x) {
    int32_t factors;
    memcpy(&factors, x, sizeof factors);
    sum_ = _mm256_add_epi16(sum_, _mm256_maddubs_epi16(codes, _mm256_set1_epi32(factors)));
  }
  __m256i total() const {
    return _mm256_add_epi32(_mm256_set1_epi32(start_), _mm256_madd_epi16(sum_, _mm256_set1_epi16(1)));
  }
  Vec value() const { return _mm256_cvtepi32_ps(total()); }

 private:
  int32_t start_;
  __m256i sum_;
};

// The same for codes 0 .. 255: two times 4 bits.
class Int8Dot {
 public:
  explicit Int8Dot(int32_t start = 0) : low_(start), high_(0) {}
  void add(Codes codes, const int8_t* x) {
    low_.add(low_halves(codes), x);
    high_.add(high_halves(codes), x);
  }
  Vec value() const { return _mm256_cvtepi32_ps(_mm256_add_epi32(low_.total(), _mm256_slli_epi32(high_.total(), 4))); }

 private:
  Int4Dot low_, high_;
};

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_SIMD_DOT_H_
