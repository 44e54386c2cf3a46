#ifndef SAMBAY_CPU_SIMD_VEC_H_
#define SAMBAY_CPU_SIMD_VEC_H_

// The vector vocabulary, spelt for any processor: a vector of one lane. vec_avx2.h says what each word means.

#include <stdint.h>

#include "cpu/simd/dtype.h"

namespace sambay {
namespace {

using Vec = float;
constexpr int kLanes = 1;

inline uint32_t bits_of(float v) { return __builtin_bit_cast(uint32_t, v); }
inline float from_bits(uint32_t bits) { return __builtin_bit_cast(float, bits); }

inline Vec zero() { return 0; }
inline Vec set(float v) { return v; }

inline float widen_scalar(BF16 v) { return from_bits(static_cast<uint32_t>(v.bits) << 16); }

inline float widen_scalar(F16 v) {
  const uint32_t sign = static_cast<uint32_t>(v.bits & 0x8000) << 16;
  const uint32_t magnitude = v.bits & 0x7fff;
  if (magnitude >= 0x7c00) return from_bits(sign | 0x7f800000 | magnitude << 13);  // infinity, NaN
  // As an f32 the shifted pattern is too small by 2^112, subnormals included, and the product is exact.
  return from_bits(sign | bits_of(from_bits(magnitude << 13) * 0x1p112f));
}

inline BF16 round_to_bf16(float v) {
  const uint32_t bits = bits_of(v);
  if ((bits & 0x7fffffff) > 0x7f800000) return {static_cast<uint16_t>(bits >> 16 | 0x40)};  // NaN stays NaN
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

inline F16 round_to_f16(float v) {
  const uint32_t sign = bits_of(v) >> 16 & 0x8000;
  uint32_t bits = bits_of(v) & 0x7fffffff;
  if (bits > 0x7f800000) return {static_cast<uint16_t>(sign | 0x7e00)};
  if (bits >= 0x477ff000) return {static_cast<uint16_t>(sign | 0x7c00)};  // 65520 and above round to infinity
  if (bits < 0x38800000) {  // below 2^-14: one unit of f16 is 2^-24, so adding 0.5 leaves the rounded units in the bits
    return {static_cast<uint16_t>(sign | (bits_of(from_bits(bits) + 0.5f) - 0x3f000000))};
  }
  bits += 0xfff + (bits >> 13 & 1);
  return {static_cast<uint16_t>(sign | ((bits >> 13) - (112 << 10)))};
}

inline Vec load(const float* from) { return *from; }
inline Vec load(const F16* from) { return widen_scalar(*from); }
inline Vec load(const BF16* from) { return widen_scalar(*from); }
inline void load_pairs(const BF16* from, Vec& even, Vec& odd) {
  even = load(from);
  odd = load(from + 1);
}
inline void store(float* to, Vec v) { *to = v; }
inline void store(F16* to, Vec v) { *to = round_to_f16(v); }
inline void store(BF16* to, Vec v) { *to = round_to_bf16(v); }

template <class T>
Vec load(const T* from, int64_t n) {
  return n > 0 ? load(from) : 0;
}
template <class T>
void store(T* to, Vec v, int64_t n) {
  if (n > 0) store(to, v);
}

inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }  // two roundings: fmaf is a library call here
inline Vec fnma(Vec a, Vec b, Vec c) { return c - a * b; }
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }
inline Vec min(Vec a, Vec b) { return a < b ? a : b; }
inline Vec keep_first(Vec v, int64_t n) { return n > 0 ? v : 0; }
inline Vec abs(Vec v) { return __builtin_fabsf(v); }
inline Vec sqrt(Vec v) { return __builtin_sqrtf(v); }
inline Vec round(Vec v) { return v + 0x1.8p23f - 0x1.8p23f; }

inline Vec scale_by_pow2(Vec v, Vec exponent) {
  const int32_t e = static_cast<int32_t>(exponent), half = e >> 1;
  return v * from_bits(static_cast<uint32_t>(half + 127) << 23) *
         from_bits(static_cast<uint32_t>(e - half + 127) << 23);
}

inline float reduce_add(Vec v) { return v; }
inline float reduce_max(Vec v) { return v; }
inline void interleave(Vec a, Vec b, Vec& low, Vec& high) {
  low = a;
  high = b;
}
inline void deinterleave(Vec a, Vec b, Vec& even, Vec& odd) {
  even = a;
  odd = b;
}

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_SIMD_VEC_H_
