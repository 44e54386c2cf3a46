// What sampling does to every logit, in double precision and with the same bits on every target: nothing here is fused,
// and the sums of weights are of whole numbers. docs/sampling.md defines the weights.

#if defined(__AVX512F__)
constexpr int kDoubles = 8;
#elif defined(__AVX2__)
constexpr int kDoubles = 4;
#else
constexpr int kDoubles = 2;
#endif
typedef float FloatVec __attribute__((vector_size(4 * kDoubles), aligned(4)));
typedef double DoubleVec __attribute__((vector_size(8 * kDoubles)));
typedef int64_t LongVec __attribute__((vector_size(8 * kDoubles)));

constexpr int64_t kLogitBlock = 16;  // looked at together before anything is computed

// v becomes exp(v) for -700 <= v <= 0, to the bit as fdlibm's __ieee754_exp, which StrictMath.exp is (Sun Microsystems
// 1993): v = k ln 2 + (high - low) with |high - low| <= ln 2 / 2, and a rational function of that. fdlibm's separate
// branches for k = 0 and k = -1 give what the general formula gives.
[[gnu::always_inline]] inline void strict_exp(DoubleVec& v) {
  const DoubleVec zero = {};
  const DoubleVec quotient = 0x1.71547652b82fep+0 * v - 0.5;
  DoubleVec k = (quotient + 0x1.8p52) - 0x1.8p52;  // the nearest whole number, then the one towards zero
  k = k < quotient ? k + 1.0 : k;
  k = v <= -0x1.62e43p-2 ? k : zero;  // the first double whose high word is beyond that of ln 2 / 2
  const DoubleVec high = v - k * 0x1.62e42feep-1, low = k * 0x1.a39ef35793c76p-33;
  const DoubleVec r = high - low, t = r * r;
  DoubleVec p = t * 0x1.6376972bea4dp-25;
  p = t * (p - 0x1.bbd41c5d26bf1p-20);
  p = t * (p + 0x1.1566aaf25de2cp-14);
  p = t * (p - 0x1.6c16c16bebd93p-9);
  p = t * (p + 0x1.555555555553ep-3);
  const DoubleVec c = r - p;
  const DoubleVec y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
  const LongVec power = reinterpret_cast<LongVec>(k + (0x1p52 + 1023)) << 52;  // 2^k
  v = v > -0x1p-28 ? 1.0 + v : y * reinterpret_cast<DoubleVec>(power);
}

// n <= kDoubles logits as doubles; negative infinity after the last.
[[gnu::always_inline]] inline void load_logits(const float* logits, int64_t n, DoubleVec& v) {
  FloatVec floats;
  if (n >= kDoubles) {
    memcpy(&floats, logits, sizeof floats);
  } else {
    floats = FloatVec{} - INFINITY;
    for (int64_t i = 0; i < n; ++i) floats[i] = logits[i];
  }
  v = __builtin_convertvector(floats, DoubleVec);
}

// Whether some of n <= kLogitBlock logits is at least `least`.
inline bool any_at_least(const float* logits, int64_t n, float least) {
  int found = 0;
  for (int64_t i = 0; i < n; ++i) found |= logits[i] >= least ? 1 : 0;
  return found != 0;
}

// The first of the largest of n logits; -1 if one of them is NaN or positive infinity.
inline int64_t largest_logit(const float* logits, int64_t n) {
  int bad = 0;
  float largest = -INFINITY;
  for (int64_t i = 0; i < n; ++i) {
    bad |= logits[i] <= FLT_MAX ? 0 : 1;
    largest = largest < logits[i] ? logits[i] : largest;
  }
  if (bad != 0) return -1;
  int64_t first = 0;
  while (logits[first] != largest) ++first;
  return first;
}

// weights[i] = floor(2^42 exp((logits[i] - largest) / temperature) + 1/2), 0 where the exponent is below -30.
inline WeightSum weigh_logits(const float* logits, int64_t n, float largest, double temperature, uint64_t* weights) {
  LongVec totals = {};
  DoubleVec largest_weights = {};
  // A little below the last logit that counts, so that rounding makes no difference.
  const float least = static_cast<float>(largest - 30 * temperature - 1e-6 * (fabs(largest) + 1));
  const DoubleVec zero = {};
  const double low_bits = 0x1p52;
  for (int64_t first = 0; first < n; first += kLogitBlock) {
    const int64_t block = n - first < kLogitBlock ? n - first : kLogitBlock;
    if (!any_at_least(logits + first, block, least)) {
      memset(weights + first, 0, static_cast<size_t>(block) * sizeof(uint64_t));
      continue;
    }
    for (int64_t i = first; i < first + block; i += kDoubles) {
      const int64_t lanes = first + block - i < kDoubles ? first + block - i : kDoubles;
      DoubleVec exponent;
      load_logits(logits + i, lanes, exponent);
      exponent = (exponent - static_cast<double>(largest)) / temperature;
      DoubleVec v = exponent >= -30.0 ? exponent : zero;
      strict_exp(v);
      v = v * 0x1p42 + 0.5;
      DoubleVec whole = (v + low_bits) - low_bits;
      whole = whole > v ? whole - 1.0 : whole;
      whole = exponent >= -30.0 ? whole : zero;
      const LongVec bits = reinterpret_cast<LongVec>(whole + low_bits) & ((int64_t{1} << 52) - 1);
      memcpy(weights + i, &bits, static_cast<size_t>(lanes) * sizeof(uint64_t));
      totals += bits;  // of the lanes beyond the last logit as well: those are 0
      largest_weights = largest_weights < whole ? whole : largest_weights;
    }
  }
  WeightSum result{0, 0};
  for (int lane = 0; lane < kDoubles; ++lane) {
    const uint64_t weight = static_cast<uint64_t>(largest_weights[lane]);
    result.total += static_cast<uint64_t>(totals[lane]);
    result.largest = result.largest < weight ? weight : result.largest;
  }
  return result;
}

// The sum of exp(logits[i] - largest). What is left out of 2^20 tokens is below 1e-13 of the largest one's 1.
inline double sum_exp_logits(const float* logits, int64_t n, float largest) {
  DoubleVec sums = {};
  const DoubleVec zero = {};
  const float least = largest - 45 - 1e-6f * (fabsf(largest) + 1);
  for (int64_t first = 0; first < n; first += kLogitBlock) {
    const int64_t block = n - first < kLogitBlock ? n - first : kLogitBlock;
    if (!any_at_least(logits + first, block, least)) continue;
    for (int64_t i = first; i < first + block; i += kDoubles) {
      DoubleVec v;
      load_logits(logits + i, first + block - i, v);
      const DoubleVec exponent = v - static_cast<double>(largest);
      v = exponent >= -690.0 ? exponent : zero;
      strict_exp(v);
      sums += exponent >= -690.0 ? v : zero;
    }
  }
  double sum = 0;
  for (int lane = 0; lane < kDoubles; ++lane) sum += sums[lane];
  return sum;
}
