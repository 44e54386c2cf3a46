#ifndef SAMBAY_CPU_SIMD_VEC_H_
#define SAMBAY_CPU_SIMD_VEC_H_

// The vector vocabulary in AVX-512 F, BW, DQ and VL. vec_avx2.h says what each word means.

#include <immintrin.h>
#include <stdint.h>

#include "cpu/simd/dtype.h"

namespace sambay {
namespace {

using Vec = __m512;
constexpr int kLanes = 16;

inline Vec zero() { return _mm512_setzero_ps(); }
inline Vec set(float v) { return _mm512_set1_ps(v); }

inline Vec widen_bf16(__m256i bits) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16)); }

// Not vcvtneps2bf16: that one flushes subnormals to zero and needs a later processor.
inline __m256i round_to_bf16(Vec v) {
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i even = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), even);
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  const __m512i kept = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16));
}

inline __m256i load_bits(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
inline void store_bits(void* to, __m256i bits) { _mm256_storeu_si256(static_cast<__m256i*>(to), bits); }

inline Vec load(const float* from) { return _mm512_loadu_ps(from); }
inline Vec load(const F16* from) { return _mm512_cvtph_ps(load_bits(from)); }
inline Vec load(const BF16* from) { return widen_bf16(load_bits(from)); }

inline void load_pairs(const BF16* from, Vec& even, Vec& odd) {
  const __m512i pairs = _mm512_loadu_si512(from);
  even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
  odd = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
}

inline void store(float* to, Vec v) { _mm512_storeu_ps(to, v); }
inline void store(F16* to, Vec v) { store_bits(to, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }
inline void store(BF16* to, Vec v) { store_bits(to, round_to_bf16(v)); }

inline __mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>(n <= 0 ? 0 : n >= kLanes ? 0xffff : (1u << n) - 1);
}
inline Vec load(const float* from, int64_t n) { return _mm512_maskz_loadu_ps(first_lanes(n), from); }
inline Vec load(const F16* from, int64_t n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(n), from)); }
inline Vec load(const BF16* from, int64_t n) { return widen_bf16(_mm256_maskz_loadu_epi16(first_lanes(n), from)); }
inline void store(float* to, Vec v, int64_t n) { _mm512_mask_storeu_ps(to, first_lanes(n), v); }
inline void store(F16* to, Vec v, int64_t n) {
  _mm256_mask_storeu_epi16(to, first_lanes(n), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline void store(BF16* to, Vec v, int64_t n) { _mm256_mask_storeu_epi16(to, first_lanes(n), round_to_bf16(v)); }

inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec fnma(Vec a, Vec b, Vec c) { return _mm512_fnmadd_ps(a, b, c); }
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec keep_first(Vec v, int64_t n) { return _mm512_maskz_mov_ps(first_lanes(n), v); }
inline Vec abs(Vec v) { return _mm512_abs_ps(v); }
inline Vec sqrt(Vec v) { return _mm512_sqrt_ps(v); }
inline Vec round(Vec v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Vec scale_by_pow2(Vec v, Vec exponent) { return _mm512_scalef_ps(v, exponent); }

inline float reduce_add(Vec v) { return _mm512_reduce_add_ps(v); }
inline float reduce_max(Vec v) { return _mm512_reduce_max_ps(v); }

inline void interleave(Vec a, Vec b, Vec& low, Vec& high) {
  const __m512i order = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  low = _mm512_permutex2var_ps(a, order, b);
  high = _mm512_permutex2var_ps(a, _mm512_add_epi32(order, _mm512_set1_epi32(8)), b);
}

// The inverse: even = a0 a2 .. b0 b2 .., odd = a1 a3 .. b1 b3 ..
inline void deinterleave(Vec a, Vec b, Vec& even, Vec& odd) {
  const __m512i order = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  even = _mm512_permutex2var_ps(a, order, b);
  odd = _mm512_permutex2var_ps(a, _mm512_add_epi32(order, _mm512_set1_epi32(1)), b);
}

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_SIMD_VEC_H_
