// The whole numbers of docs/sampling.md and what blocks do with them. Sums of whole numbers are exact in any order, so
// that threads may add them as they come.
#ifndef SAMBAY_CUDA_KERNELS_SAMPLE_MATH_CUH_
#define SAMBAY_CUDA_KERNELS_SAMPLE_MATH_CUH_

#include "cuda/simt.h"

namespace sambay::cuda {

constexpr int kSampleThreads = 256;
constexpr int kSampleWarps = kSampleThreads / 32;

constexpr double kHeaviest = 4398046511104.0;  // 2^42, the weight of the most probable token
constexpr int kIdBits = 20;                    // a vocabulary has at most 2^20 tokens

// exp(x) for -700 <= x <= 0, to the bit as fdlibm's __ieee754_exp, which StrictMath.exp is (Sun Microsystems 1993):
// x = k ln 2 + (high - low) with |high - low| <= ln 2 / 2, and a rational function of that. fdlibm's separate branches
// for k = 0 and k = -1 give what the general formula gives.
__device__ __forceinline__ double strict_exp(double x) {
  if (x > -0x1p-28) return add_rn(1.0, x);
  int k = 0;
  double high = x, low = 0;
  if (x <= -0x1.62e43p-2) {  // the first double whose high word is beyond that of ln 2 / 2
    k = static_cast<int>(add_rn(multiply_rn(0x1.71547652b82fep+0, x), -0.5));
    const double t = k;
    high = add_rn(x, -multiply_rn(t, 0x1.62e42feep-1));  // exact
    low = multiply_rn(t, 0x1.a39ef35793c76p-33);
  }
  const double r = add_rn(high, -low), t = multiply_rn(r, r);
  double p = 0x1.6376972bea4dp-25;
  p = add_rn(-0x1.bbd41c5d26bf1p-20, multiply_rn(t, p));
  p = add_rn(0x1.1566aaf25de2cp-14, multiply_rn(t, p));
  p = add_rn(-0x1.6c16c16bebd93p-9, multiply_rn(t, p));
  p = add_rn(0x1.555555555553ep-3, multiply_rn(t, p));
  const double c = add_rn(r, -multiply_rn(t, p));
  const double y = add_rn(1.0, -add_rn(add_rn(low, -divide_rn(multiply_rn(r, c), add_rn(2.0, -c))), -high));
  return bit_cast<double>(bit_cast<int64_t>(y) + (static_cast<int64_t>(k) << 52));
}

// floor(2^42 exp((logit - max) / temperature) + 1/2), 0 where the exponent is below -30.
__device__ __forceinline__ uint64_t sample_weight(float logit, float max, double temperature) {
  const double exponent = divide_rn(add_rn(logit, -static_cast<double>(max)), temperature);
  if (!(exponent >= -30)) return 0;
  return static_cast<uint64_t>(add_rn(multiply_rn(strict_exp(exponent), kHeaviest), 0.5));
}

// Weights of one bin have the same length in bits and the same five bits after the first. Heavier bins come later.
constexpr int kBins = 43 * 32;
__device__ __forceinline__ int bin_of(uint64_t weight) {  // weight > 0
  const auto high = static_cast<uint32_t>(weight >> 32);
  const int zeros = high != 0 ? __clz(static_cast<int32_t>(high)) : 32 + __clz(static_cast<int32_t>(weight));
  return (63 - zeros) * 32 + static_cast<int>(weight << zeros >> 58 & 31);
}

// Heavier first, of equal weights the lower id first: no two tokens have the same key. 63 bits.
__device__ __forceinline__ uint64_t key_of(uint64_t weight, uint32_t id) {
  return weight << kIdBits | ((1u << kIdBits) - 1 - id);
}

// The upper half of a 64 x 64 bit product.
__device__ __forceinline__ uint64_t multiply_high(uint64_t a, uint64_t b) {
  const uint64_t a0 = static_cast<uint32_t>(a), a1 = a >> 32, b0 = static_cast<uint32_t>(b), b1 = b >> 32;
  const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + static_cast<uint32_t>(middle);
  return a1 * b1 + (middle >> 32) + (other >> 32);
}

// 64-bit sums in two words, since 32-bit additions are what memory does by itself: whoever makes the low word wrap
// carries one.
struct Sums {
  uint32_t* low;
  uint32_t* high;

  __device__ __forceinline__ void add(int i, uint64_t value) const {
    const auto addend = static_cast<uint32_t>(value);
    const uint32_t before = addend == 0 ? 0 : atomic_add(low + i, addend);
    const uint32_t carry = before + addend < before ? 1 : 0;
    const uint32_t above = static_cast<uint32_t>(value >> 32) + carry;
    if (above != 0) atomic_add(high + i, above);
  }
  __device__ __forceinline__ uint64_t at(int i) const { return static_cast<uint64_t>(high[i]) << 32 | low[i]; }
};

// The sum of `value` over the threads before this one; `total`: over all. `scratch`: a word per warp, in shared memory.
__device__ __forceinline__ uint64_t sum_before(uint64_t value, uint64_t* scratch, uint64_t& total) {
  uint64_t sum = value;
#pragma unroll
  for (int delta = 1; delta < 32; delta *= 2) {
    const uint64_t before = shfl_up(sum, delta);
    if (lane_index() >= delta) sum += before;
  }
  __syncthreads();  // the last sums have been read
  if (lane_index() == 31) scratch[warp_index()] = sum;
  __syncthreads();
  total = 0;
  uint64_t before = 0;
  for (int warp = 0; warp < kSampleWarps; ++warp) {
    if (warp == warp_index()) before = total;
    total += scratch[warp];
  }
  return before + sum - value;
}
__device__ __forceinline__ uint64_t block_sum(uint64_t value, uint64_t* scratch) {
  uint64_t total;
  sum_before(value, scratch, total);
  return total;
}

// Where, going down from the last of n entries, `quota` is used up: the entry, and what of the quota is left for it.
// amount(i) of all entries is at least the quota. `found`: two words in shared memory.
template <class Amount>
__device__ __forceinline__ int use_up(int n, uint64_t& quota, Amount amount, uint64_t* scratch, uint64_t* found) {
  const int each = (n + kSampleThreads - 1) / kSampleThreads;
  const int last = n - 1 - thread_index() * each, first = max(last - each + 1, 0);
  uint64_t mine = 0, total;
  for (int i = last; i >= first; --i) mine += amount(i);
  uint64_t used = sum_before(mine, scratch, total);
  if (used < quota && quota <= used + mine) {  // one thread
    for (int i = last; i >= first; --i) {
      const uint64_t here = amount(i);
      if (quota <= used + here) {
        found[0] = static_cast<uint64_t>(i);
        found[1] = quota - used;
        break;
      }
      used += here;
    }
  }
  __syncthreads();
  const int entry = static_cast<int>(found[0]);
  quota = found[1];
  __syncthreads();
  return entry;
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_SAMPLE_MATH_CUH_
