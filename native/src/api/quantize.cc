#include "api/quantize.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstring>

#include "api/check.h"
#include "api/error.h"
#include "cpu/simd/vec_scalar.h"

// One body, compiled for several instruction sets. Without fused products all of them round alike.
#define SAMBAY_INLINE [[gnu::always_inline]] inline

namespace sambay {
namespace {

constexpr int kGroup = SY_GROUP;
constexpr float kLargestF16 = 65504;
constexpr float kInt8Codes = 127;

// The largest magnitude whose scale is still a number in f16.
float largest_element(sy_dtype dtype) { return kLargestF16 * (dtype == SY_INT8 ? kInt8Codes : 7); }

template <class T>
SAMBAY_INLINE float widened(T v) {
  return widen_scalar(v);
}
template <>
SAMBAY_INLINE float widened(float v) {
  return v;
}

SAMBAY_INLINE float widened_f16(uint16_t bits) { return widen_scalar(F16{bits}); }

// To the nearest integer, ties to even, |v| < 2^22.
SAMBAY_INLINE float nearest(float v) { return v + 0x1.8p23f - 0x1.8p23f; }

SAMBAY_INLINE float inverse_of(float scale) { return scale == 0 ? 0 : 1 / scale; }

// Of finite numbers, as bits: their order is that of the numbers, and integers may be compared in any order.
SAMBAY_INLINE float largest_magnitude(const float (&w)[kGroup]) {
  int32_t largest = 0;
  for (int i = 0; i < kGroup; ++i) {
    const int32_t bits = static_cast<int32_t>(bits_of(w[i]) & 0x7fffffff);
    largest = bits > largest ? bits : largest;
  }
  return from_bits(static_cast<uint32_t>(largest));
}

SAMBAY_INLINE uint16_t quantize_group_to_int8(const float (&w)[kGroup], int8_t* codes) {
  const float largest = largest_magnitude(w);
  // Rounded up, so that no code lies beyond 127.
  const float exact = largest / kInt8Codes;
  uint16_t scale = round_to_f16(exact).bits;
  if (widened_f16(scale) < exact) ++scale;
  const float inverse = inverse_of(widened_f16(scale));
  for (int i = 0; i < kGroup; ++i) codes[i] = static_cast<int8_t>(static_cast<int32_t>(nearest(w[i] * inverse)));
  return scale;
}

// The eight scales tried, side by side.
constexpr int kTried = 8;
using Tried = float __attribute__((vector_size(kTried * sizeof(float))));
using TriedBits = uint32_t __attribute__((vector_size(kTried * sizeof(uint32_t))));
constexpr Tried kDivisors = {-8.75f, -8.5f, -8.25f, -8, -7.75f, -7.5f, -7.25f, -7};

SAMBAY_INLINE uint16_t quantize_group_to_int4(const float (&w)[kGroup], uint8_t* codes) {
  // Of the largest magnitude, and positive if there is such a one.
  const float largest = largest_magnitude(w);
  int positive = 0;
  for (int i = 0; i < kGroup; ++i) positive |= w[i] == largest;
  const Tried exact = (positive != 0 ? largest : -largest) / kDivisors;

  // round_to_f16 and back, of numbers that f16 can hold.
  const TriedBits bits = reinterpret_cast<TriedBits>(exact), sign = bits & 0x80000000, magnitude = bits ^ sign;
  const TriedBits normal = ((magnitude + 0xfff + (magnitude >> 13 & 1)) >> 13) - (112 << 10);
  const TriedBits subnormal = reinterpret_cast<TriedBits>(reinterpret_cast<Tried>(magnitude) + 0.5f) - 0x3f000000;
  const TriedBits rounded = magnitude < 0x38800000 ? subnormal : normal;
  const Tried positive_scales = reinterpret_cast<Tried>(rounded << 13) * 0x1p112f;
  const Tried scales = reinterpret_cast<Tried>(reinterpret_cast<TriedBits>(positive_scales) | sign);
  const Tried inverses = scales == 0.0f ? Tried{} : 1.0f / scales;
  Tried errors{};
  for (int i = 0; i < kGroup; ++i) {
    Tried code = w[i] * inverses + 0x1.8p23f - 0x1.8p23f;
    code = code < -8.0f ? Tried{} - 8.0f : code;
    code = code > 7.0f ? Tried{} + 7.0f : code;
    const Tried error = w[i] - scales * code;
    errors += error * error;
  }
  int best = 0;
  for (int i = 1; i < kTried; ++i) best = errors[i] < errors[best] ? i : best;

  int32_t shifted[kGroup];
  for (int i = 0; i < kGroup; ++i) {
    const int32_t code = static_cast<int32_t>(nearest(w[i] * inverses[best])) + 8;
    shifted[i] = std::min(std::max(code, 0), 15);
  }
  for (int i = 0; i < kGroup / 2; ++i) codes[i] = static_cast<uint8_t>(shifted[2 * i] | shifted[2 * i + 1] << 4);
  return static_cast<uint16_t>(rounded[best] | sign[best] >> 16);
}

template <class T>
SAMBAY_INLINE void quantize_elements(const sy_tensor& from, const sy_quantized& to) {
  const int64_t groups = to.cols / kGroup;
  for (int64_t r = 0; r < to.rows; ++r) {
    const T* row = static_cast<const T*>(from.data) + r * from.stride;
    for (int64_t g = 0; g < groups; ++g) {
      float w[kGroup];
      for (int i = 0; i < kGroup; ++i) w[i] = widened(row[g * kGroup + i]);
      const int64_t group = r * groups + g;
      to.scales[group] = to.dtype == SY_INT8
                             ? quantize_group_to_int8(w, static_cast<int8_t*>(to.codes) + group * kGroup)
                             : quantize_group_to_int4(w, static_cast<uint8_t*>(to.codes) + group * (kGroup / 2));
    }
  }
}

SAMBAY_INLINE void quantize_any(const sy_tensor& from, const sy_quantized& to) {
  if (from.dtype == SY_F32) {
    quantize_elements<float>(from, to);
  } else if (from.dtype == SY_F16) {
    quantize_elements<F16>(from, to);
  } else {
    quantize_elements<BF16>(from, to);
  }
}

#if defined(__x86_64__)
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")]] void quantize_with_avx512(
    const sy_tensor& from, const sy_quantized& to) {
  quantize_any(from, to);
}
[[gnu::target("avx2")]] void quantize_with_avx2(const sy_tensor& from, const sy_quantized& to) {
  quantize_any(from, to);
}
#endif
void quantize_with_any(const sy_tensor& from, const sy_quantized& to) { quantize_any(from, to); }

template <class T>
void check_elements(const sy_tensor& from, sy_dtype dtype, int64_t first_row) {
  const float largest = largest_element(dtype);
  for (int64_t r = 0; r < from.rows; ++r) {
    const T* row = static_cast<const T*>(from.data) + r * from.stride;
    int beyond = 0;
    for (int64_t c = 0; c < from.cols; ++c) beyond |= !(std::fabs(widened(row[c])) <= largest);
    if (beyond == 0) continue;
    int64_t c = 0;
    while (std::fabs(widened(row[c])) <= largest) ++c;
    throw Failure(SY_ERR_ARGUMENT, "row %" PRId64 ", column %" PRId64 " is %g, expected a number of at most %g for %s",
                  first_row + r, c, static_cast<double>(widened(row[c])), static_cast<double>(largest),
                  dtype_name(dtype));
  }
}

}  // namespace

void check_quantizable(const sy_tensor& from, sy_dtype dtype, int64_t first_row) {
  if (from.dtype == SY_F32) {
    check_elements<float>(from, dtype, first_row);
  } else if (from.dtype == SY_F16) {
    check_elements<F16>(from, dtype, first_row);
  } else {
    check_elements<BF16>(from, dtype, first_row);
  }
}

void check_codes(const sy_quantized& from, int64_t first_row) {
  const int64_t groups = from.cols / SY_GROUP;
  for (int64_t r = 0; r < from.rows; ++r) {
    for (int64_t g = 0; g < groups; ++g) {
      if ((from.scales[r * groups + g] & 0x7c00) == 0x7c00) {
        throw Failure(SY_ERR_ARGUMENT, "the scale of row %" PRId64 ", group %" PRId64 " is not a finite number",
                      first_row + r, g);
      }
    }
    if (from.dtype == SY_INT8) {
      const auto* codes = static_cast<const int8_t*>(from.codes) + r * from.cols;
      const void* found = std::memchr(codes, 0x80, static_cast<size_t>(from.cols));
      if (found != nullptr) {
        throw Failure(SY_ERR_ARGUMENT, "row %" PRId64 ", column %" PRId64 " has the code -128, expected -127 to 127",
                      first_row + r, static_cast<int64_t>(static_cast<const int8_t*>(found) - codes));
      }
    }
  }
}

void quantize_rows(const sy_tensor& from, const sy_quantized& to) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return quantize_with_avx512(from, to);
  }
  if (__builtin_cpu_supports("avx2")) return quantize_with_avx2(from, to);
#endif
  quantize_with_any(from, to);
}

}  // namespace sambay
