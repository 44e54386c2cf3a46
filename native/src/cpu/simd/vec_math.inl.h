// What all targets build from the vocabulary of vec_*.h in the same words. Included after one of those by target/*.cc
// inside its unnamed namespace. Errors are the largest seen over the whole range, against double precision.

// load_pairs for the types that are not stored in pairs.
template <class T>
void load_pairs(const T* from, Vec& even, Vec& odd) {
  deinterleave(load(from), load(from + kLanes), even, odd);
}

// exp(v), relative error below 2e-7 where the result is normal; 0 below -104, infinity above 89, NaN stays.
// v = n ln 2 + r with |r| <= ln 2 / 2; e^r by a minimax polynomial that is exact at 0.
inline Vec exp(Vec v) {
  v = max(set(-104.0f), min(set(89.0f), v));
  const Vec n = round(v * set(0x1.715476p0f));  // 1 / ln 2
  const Vec r =
      fnma(n, set(1.4286068e-6f), fnma(n, set(0x1.62e4p-1f), v));  // ln 2 in two parts, n * the first is exact
  Vec p = set(1.3843652e-3f);
  p = fma(p, r, set(8.3741556e-3f));
  p = fma(p, r, set(4.1668002e-2f));
  p = fma(p, r, set(1.6666431e-1f));
  p = fma(p, r, set(4.9999994e-1f));
  p = fma(p, r, set(1.0f));
  p = fma(p, r, set(1.0f));
  return scale_by_pow2(p, n);
}

// 2^v for v <= 128, of the same accuracy; 0 below -150. Saves the scan the reduction by ln 2, which is folded into its
// matrix a.
inline Vec exp2(Vec v) {
  v = max(set(-150.0f), v);
  const Vec n = round(v);
  const Vec r = v - n;
  Vec p = set(1.3264724e-3f);
  p = fma(p, r, set(9.6715129e-3f));
  p = fma(p, r, set(5.5507337e-2f));
  p = fma(p, r, set(2.4022242e-1f));
  p = fma(p, r, set(6.9314698e-1f));
  p = fma(p, r, set(1.0f));
  return scale_by_pow2(p, n);
}

// log(1 + u) for 0 <= u <= 1, accurate relative to the result: 2 artanh(s) with s = u / (2 + u) <= 1/3.
inline Vec log1p_of_unit(Vec u) {
  const Vec s = u / (u + set(2.0f));
  const Vec z = s * s;
  Vec p = set(0.24289562f);
  p = fma(p, z, set(0.21430739f));
  p = fma(p, z, set(0.28616597f));
  p = fma(p, z, set(0.39998888f));
  p = fma(p, z, set(0.66666676f));
  p = fma(p, z, set(2.0f));
  return p * s;
}

// log(1 + exp(v)) without loss at either end: exp(v) for v << 0, v itself where v > 20.
inline Vec softplus(Vec v) { return max(zero(), v) + log1p_of_unit(exp(zero() - abs(v))); }

inline Vec silu(Vec v) { return v / (set(1.0f) + exp(zero() - v)); }

// Lane i of the result is the sum over the lanes of v[i].
inline Vec reduce_add_each(Vec (&v)[kLanes]) {
#pragma GCC unroll 4
  for (int half = kLanes / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) {
      Vec low, high;
      interleave(v[i], v[i + half], low, high);
      v[i] = low + high;
    }
  }
  return v[0];
}

// Rows become columns: a perfect shuffle, log2(kLanes) times over.
inline void transpose(Vec (&v)[kLanes]) {
#pragma GCC unroll 4
  for (int step = 1; step < kLanes; step *= 2) {
    Vec shuffled[kLanes];
#pragma GCC unroll 8
    for (int i = 0; i < kLanes / 2; ++i) interleave(v[i], v[i + kLanes / 2], shuffled[2 * i], shuffled[2 * i + 1]);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) v[i] = shuffled[i];
  }
}
