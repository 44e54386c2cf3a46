#ifndef SAMBAY_CPU_SIMD_VEC_H_
#define SAMBAY_CPU_SIMD_VEC_H_

// The vector vocabulary in AVX2, FMA and F16C. Everything has internal linkage: an inline function shared with other
// objects could be the copy the linker keeps for a processor that lacks these instructions.

#include <immintrin.h>
#include <stdint.h>

#include "cpu/simd/dtype.h"

namespace sambay {
namespace {

using Vec = __m256;  // kLanes times f32; + - * / work lane by lane
constexpr int kLanes = 8;

inline Vec zero() { return _mm256_setzero_ps(); }
inline Vec set(float v) { return _mm256_set1_ps(v); }

// ---- memory: any alignment ----

inline Vec widen_bf16(__m128i bits) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16)); }

inline __m128i round_to_bf16(Vec v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), even);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  rounded = _mm256_blendv_epi8(rounded, _mm256_or_si256(bits, _mm256_set1_epi32(0x400000)), nan);
  rounded = _mm256_srli_epi32(rounded, 16);
  return _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
}

inline __m128i load_bits(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
inline void store_bits(void* to, __m128i bits) { _mm_storeu_si128(static_cast<__m128i*>(to), bits); }

inline Vec load(const float* from) { return _mm256_loadu_ps(from); }
inline Vec load(const F16* from) { return _mm256_cvtph_ps(load_bits(from)); }
inline Vec load(const BF16* from) { return widen_bf16(load_bits(from)); }

// The halves of kLanes pairs: even[i] = from[2 * i], odd[i] = from[2 * i + 1].
inline void load_pairs(const BF16* from, Vec& even, Vec& odd) {
  const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  even = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
  odd = _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
}

inline void store(float* to, Vec v) { _mm256_storeu_ps(to, v); }
inline void store(F16* to, Vec v) { store_bits(to, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }
inline void store(BF16* to, Vec v) { store_bits(to, round_to_bf16(v)); }

// The same for the first n lanes: memory past them is not touched, and lanes past them are loaded as 0. Any n.
inline __m256i first_lanes(int64_t n) {
  const int lanes = static_cast<int>(n < 0 ? 0 : n > kLanes ? kLanes : n);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Vec load(const float* from, int64_t n) { return _mm256_maskload_ps(from, first_lanes(n)); }
inline void store(float* to, Vec v, int64_t n) { _mm256_maskstore_ps(to, first_lanes(n), v); }
template <class T>  // F16, BF16
Vec load(const T* from, int64_t n) {
  if (n >= kLanes) return load(from);
  T padded[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) padded[i] = from[i];
  return load(padded);
}
template <class T>
void store(T* to, Vec v, int64_t n) {
  if (n >= kLanes) return store(to, v);
  T padded[kLanes];
  store(padded, v);
  for (int64_t i = 0; i < n; ++i) to[i] = padded[i];
}

// ---- arithmetic ----

inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }    // a * b + c, one rounding
inline Vec fnma(Vec a, Vec b, Vec c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a * b
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }                // b if either is NaN
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }                // b if either is NaN
inline Vec keep_first(Vec v, int64_t n) { return _mm256_and_ps(v, _mm256_castsi256_ps(first_lanes(n))); }  // others 0
inline Vec abs(Vec v) { return _mm256_andnot_ps(set(-0.0f), v); }
inline Vec sqrt(Vec v) { return _mm256_sqrt_ps(v); }
// To the nearest integer, ties to even. Only for |v| < 2^22.
inline Vec round(Vec v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

// v * 2^exponent for whole exponents in -252 .. 254, rounded once: two factors reach subnormals and infinity.
inline Vec scale_by_pow2(Vec v, Vec exponent) {
  const __m256i e = _mm256_cvtps_epi32(exponent);
  const __m256i half = _mm256_srai_epi32(e, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i second = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(e, half), bias), 23);
  return v * _mm256_castsi256_ps(first) * _mm256_castsi256_ps(second);
}

// ---- across lanes ----

inline float reduce_add(Vec v) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

inline float reduce_max(Vec v) {
  __m128 top = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  top = _mm_max_ps(top, _mm_movehl_ps(top, top));
  return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
}

// [low | high] = a0 b0 a1 b1 ... : the step from which transpositions and many sums at once are made.
inline void interleave(Vec a, Vec b, Vec& low, Vec& high) {
  const Vec even = _mm256_unpacklo_ps(a, b), odd = _mm256_unpackhi_ps(a, b);
  low = _mm256_permute2f128_ps(even, odd, 0x20);
  high = _mm256_permute2f128_ps(even, odd, 0x31);
}

// The inverse: even = a0 a2 a4 a6 b0 b2 b4 b6, odd = a1 a3 ..
inline void deinterleave(Vec a, Vec b, Vec& even, Vec& odd) {
  const __m256 low = _mm256_permute2f128_ps(a, b, 0x20), high = _mm256_permute2f128_ps(a, b, 0x31);
  even = _mm256_shuffle_ps(low, high, 0x88);
  odd = _mm256_shuffle_ps(low, high, 0xdd);
}

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_SIMD_VEC_H_
