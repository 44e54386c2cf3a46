#ifndef SAMBAY_CPU_SIMD_DOT_H_
#define SAMBAY_CPU_SIMD_DOT_H_

// Dot products of 8-bit integers in AVX-512, by its VNNI where the file is compiled for it. dot_avx2.h says what each
// word means.

#include <string.h>

#include "cpu/simd/vec_avx512.h"

namespace sambay {
namespace {

using Codes = __m512i;

inline Codes load_codes(const uint8_t* from) { return _mm512_loadu_si512(from); }
inline void store_codes(uint8_t* to, Codes codes) { _mm512_storeu_si512(to, codes); }
inline Codes low_halves(Codes codes) { return _mm512_and_si512(codes, _mm512_set1_epi8(15)); }
inline Codes high_halves(Codes codes) { return low_halves(_mm512_srli_epi16(codes, 4)); }

// kLanes integers, each + more, as floats.
inline Vec float_of(const int32_t* from, int32_t more) {
  return _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_loadu_si512(from), _mm512_set1_epi32(more)));
}

#if defined(__AVX512VNNI__)

constexpr bool kDotInstruction = true;

class Int8Dot {
 public:
  explicit Int8Dot(int32_t start = 0) : sum_(_mm512_set1_epi32(start)) {}
  // With the four factors broadcast by the instruction itself, which gcc leaves to another one: half as fast again on
  // Zen 5.
  void add(Codes codes, const int8_t* x) {
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum_) : "v"(codes), "m"(*reinterpret_cast<const int8_t(*)[4]>(x)));
  }
  Vec value() const { return _mm512_cvtepi32_ps(sum_); }

 private:
  __m512i sum_;
};

using Int4Dot = Int8Dot;

#else

constexpr bool kDotInstruction = false;

inline __m512i four_factors(const int8_t* x) {
  int32_t factors;
  memcpy(&factors, x, sizeof factors);
  return _mm512_set1_epi32(factors);
}

class Int4Dot {
 public:
  explicit Int4Dot(int32_t start = 0) : start_(start), sum_(_mm512_setzero_si512()) {}
  void add(Codes codes, const int8_t* x) {
    sum_ = _mm512_add_epi16(sum_, _mm512_maddubs_epi16(codes, four_factors(x)));
    __asm__("" : "+v"(sum_));
  }
  __m512i total() const {
    return _mm512_add_epi32(_mm512_set1_epi32(start_), _mm512_madd_epi16(sum_, _mm512_set1_epi16(1)));
  }
  Vec value() const { return _mm512_cvtepi32_ps(total()); }

 private:
  int32_t start_;
  __m512i sum_;
};

class Int8Dot {
 public:
  explicit Int8Dot(int32_t start = 0) : low_(start), high_(0) {}
  void add(Codes codes, const int8_t* x) {
    low_.add(low_halves(codes), x);
    high_.add(high_halves(codes), x);
  }
  Vec value() const { return _mm512_cvtepi32_ps(_mm512_add_epi32(low_.total(), _mm512_slli_epi32(high_.total(), 4))); }

 private:
  Int4Dot low_, high_;
};

#endif

#if defined(__AVX512BF16__)

// Products of pairs of bf16 with f32 sums: subnormals count as zero.
using Bf16Pairs = __m512bh;
struct Bf16Pair {
  BF16 pair[2];
};

inline Bf16Pairs load_bf16_pairs(const BF16* from) { return reinterpret_cast<Bf16Pairs>(_mm512_loadu_si512(from)); }
inline Bf16Pairs repeat_bf16_pair(const Bf16Pair& pair) {
  int32_t bits;
  memcpy(&bits, &pair, sizeof bits);
  return reinterpret_cast<Bf16Pairs>(_mm512_set1_epi32(bits));
}
// sum + a[0] * b[0] + a[1] * b[1] in each lane.
inline Vec add_pair_products(Vec sum, Bf16Pairs a, Bf16Pairs b) { return _mm512_dpbf16_ps(sum, a, b); }

#endif

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_SIMD_DOT_H_
