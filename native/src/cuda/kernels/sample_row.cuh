// Choosing a token for each row of logits, as docs/sampling.md defines it, without a sort. Five launches share a row
// among many blocks; in each the last block to arrive prepares the next:
//   1 sample_best     the largest logit and the sum of exponentials; greedy rows end here
//   2 sample_weigh    whole-number weights, and how many and how much lie in each bin (weights equal in their first
//                     six bits); the bin in which top-k ends, or else the one in which top-p does
//   3 sample_narrow   (top-k) the tokens of that bin, and among them the last one to be kept; the bin of top-p
//   4 sample_narrow   (top-p) the same
//   5 sample_draw     sums of what is kept, the block in which the random number falls, the token
// What is kept is all that a key (weight, then lower id) of at least `threshold` has.
//
// Bound by latency: five launches of about 2 us. The bytes (4 of the logits, 8 of a weight written once and read three
// times: 7 MB for a vocabulary of 200,064) come out of L2, 2 us; the exponentials in double precision are about 60
// operations each, 12 M or 1.5 us at 132 multiprocessors that do 64 a clock, but 45 us on cards that do 2 a clock.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_SAMPLE_ROW_CUH_
#define SAMBAY_CUDA_KERNELS_SAMPLE_ROW_CUH_

#include "cuda/kernels/sample_math.cuh"

namespace sambay::cuda {

constexpr int kSampleEach = 8;  // tokens of a thread
constexpr int kSampleTokens = kSampleThreads * kSampleEach;

// What a block finds in its tokens.
struct SamplePart {
  double sum;  // of exp(logit - largest)
  float largest;
  int32_t id;  // of the largest, the lowest of equal ones; -1: a logit is NaN or infinite
};

// What is known of a row between launches.
struct SampleRow {
  double log_sum;
  uint64_t threshold;        // keys from here on are kept
  uint64_t top_k_threshold;  // by top-k alone
  uint64_t quota;            // of the open bin: so many tokens (top-k), so much weight (top-p)
  uint64_t above;            // the weight in the bins above it
  float largest;
  int32_t open_bin;  // in which top-k or top-p ends; -1: none
  int32_t phase;     // which of them
  uint32_t listed;   // tokens of the open bin that are in `ids`
  bool done;         // greedy, or nothing to choose from
};
enum SamplePhase { kTopK = 0, kTopP = 1 };

struct SampleParams {
  const float* logits;
  int64_t stride;
  int32_t vocabulary, blocks;  // blocks of a row
  const double* temperature;
  const int32_t* top_k;
  const double* top_p;
  const double* min_p;
  const uint64_t* random;
  int32_t* token;
  double* log_probability;  // or null
  // working memory, of each row
  SamplePart* parts;     // [blocks]
  SampleRow* state;      // [1]
  uint64_t* weights;     // [vocabulary]
  uint32_t* bins;        // [3, kBins]: tokens, low and high words of their weights; zeros before sample_weigh
  uint32_t* ids;         // [vocabulary]
  uint64_t* block_sums;  // [blocks]
  uint32_t* arrivals;    // [1]

  __device__ __forceinline__ const float* logits_of(int row) const { return logits + row * stride; }
  __device__ __forceinline__ uint64_t* weights_of(int row) const { return weights + int64_t{row} * vocabulary; }
  __device__ __forceinline__ uint32_t* ids_of(int row) const { return ids + int64_t{row} * vocabulary; }
  __device__ __forceinline__ uint32_t* counts_of(int row) const { return bins + int64_t{row} * 3 * kBins; }
  __device__ __forceinline__ Sums sums_of(int row) const {
    return {counts_of(row) + kBins, counts_of(row) + 2 * kBins};
  }
};

// Shared memory: a few words for block-wide results, then what the kernel needs.
constexpr int kSampleScratch = 0;                                // kSampleWarps words of 8 bytes
constexpr int kSampleFound = kSampleScratch + 8 * kSampleWarps;  // 2 words
constexpr int kSampleRest = kSampleFound + 16;
constexpr int kBestShared = kSampleRest + 8 * kSampleWarps;
constexpr int kBinsShared = kSampleRest + 3 * kBins * 4;
constexpr int kDigitBits = 11, kDigits = 6, kRadix = 1 << kDigitBits;
constexpr int kHeldKeys = 2048;
constexpr int kNarrowShared = kSampleRest + 8 * kRadix + 8 * kHeldKeys;
static_assert(3 * kBins * 4 <= 8 * kRadix + 8 * kHeldKeys, "the bins lie where the digits were");

// ---- 1 --------------------------------------------------------------------------------------------------------------

// The better of two (logit, id): a bad one, the larger, of equal ones the lower id.
__device__ __forceinline__ bool sample_better(float a, int32_t a_id, float b, int32_t b_id) {
  if (a_id < 0 || b_id < 0) return a_id < b_id;
  return a > b || (a == b && a_id < b_id);
}

// The best of the block's threads, to all of them.
__device__ __forceinline__ void sample_block_best(float& largest, int32_t& id) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) {
    const float other = shfl_xor(largest, mask);
    const int32_t other_id = shfl_xor(id, mask);
    if (sample_better(other, other_id, largest, id)) largest = other, id = other_id;
  }
  float* values = shared_at<float>(kSampleRest);
  int32_t* ids = shared_at<int32_t>(kSampleRest + 4 * kSampleWarps);
  __syncthreads();
  if (lane_index() == 0) values[warp_index()] = largest, ids[warp_index()] = id;
  __syncthreads();
  largest = values[0], id = ids[0];
  for (int warp = 1; warp < kSampleWarps; ++warp) {
    if (sample_better(values[warp], ids[warp], largest, id)) largest = values[warp], id = ids[warp];
  }
}

__device__ __forceinline__ double sample_block_sum(double value) {
  double* sums = shared_at<double>(kSampleScratch);
  value = warp_sum(value);
  __syncthreads();
  if (lane_index() == 0) sums[warp_index()] = value;
  __syncthreads();
  double sum = 0;
  for (int warp = 0; warp < kSampleWarps; ++warp) sum += sums[warp];
  return sum;
}

// exp(x) for x <= 0; what is below 1e-300 is nothing beside the 1 of the largest logit.
__device__ __forceinline__ double sample_exp(double x) { return x >= -690 ? strict_exp(x) : 0.0; }

constexpr float kInfinity = INFINITY;

__global__ void __launch_bounds__(kSampleThreads) sample_best(const __grid_constant__ SampleParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int row = static_cast<int>(blockIdx.x) / p.blocks, block = static_cast<int>(blockIdx.x) % p.blocks;
  const float* logits = p.logits_of(row);
  SamplePart* parts = p.parts + int64_t{row} * p.blocks;

  float logit[kSampleEach], largest = -kInfinity;
  int32_t id = INT32_MAX;
#pragma unroll
  for (int i = 0; i < kSampleEach; ++i) {
    const int token = block * kSampleTokens + i * kSampleThreads + thread_index();
    logit[i] = token < p.vocabulary ? logits[token] : -kInfinity;
    const int32_t found = !(logit[i] < kInfinity) ? -1 : token;
    if (sample_better(logit[i], found, largest, id)) largest = logit[i], id = found;
  }
  sample_block_best(largest, id);
  double sum = 0;
  if (p.log_probability != nullptr && id >= 0 && largest != -kInfinity) {
#pragma unroll
    for (int i = 0; i < kSampleEach; ++i) sum += sample_exp(static_cast<double>(logit[i]) - largest);
    sum = sample_block_sum(sum);
  }
  if (thread_index() == 0) parts[block] = {sum, largest, id};
  if (!last_arriver(p.arrivals + row, static_cast<uint32_t>(p.blocks))) return;

  largest = -kInfinity;
  id = INT32_MAX;
  for (int i = thread_index(); i < p.blocks; i += kSampleThreads) {
    const SamplePart part = load_coherent(parts + i);
    if (sample_better(part.largest, part.id, largest, id)) largest = part.largest, id = part.id;
  }
  sample_block_best(largest, id);
  const bool nothing = id < 0 || largest == -kInfinity;
  sum = 0;
  if (p.log_probability != nullptr && !nothing) {
    for (int i = thread_index(); i < p.blocks; i += kSampleThreads) {
      const SamplePart part = load_coherent(parts + i);
      if (part.largest != -kInfinity) sum += part.sum * sample_exp(static_cast<double>(part.largest) - largest);
    }
    sum = sample_block_sum(sum);
  }
  if (thread_index() != 0) return;
  SampleRow& state = p.state[row];
  state.largest = largest;
  state.log_sum = log(sum);
  state.done = nothing || p.temperature[row] == 0;
  if (!state.done) return;
  p.token[row] = nothing ? -1 : id;
  if (p.log_probability != nullptr) p.log_probability[row] = nothing ? bit_cast<double>(int64_t{-1}) : -state.log_sum;
}

// ---- the open bin ---------------------------------------------------------------------------------------------------

// Where top-p ends, if it is asked for: of `total` weight in all, amount(bin) in each. Called by all threads.
template <class Amount>
__device__ __forceinline__ void sample_open_top_p(const SampleParams& p, int row, uint64_t total, Amount amount) {
  SampleRow& state = p.state[row];
  const double share = p.top_p[row];
  // At least max(1, ceil(share * total)); rounding may put that above the total, which then is all kept.
  const auto wanted = static_cast<uint64_t>(ceil(multiply_rn(share, static_cast<double>(static_cast<int64_t>(total)))));
  uint64_t quota = max(wanted, uint64_t{1});
  if (share >= 1 || quota > total) {
    if (thread_index() == 0) state.open_bin = -1;
    return;
  }
  const int bin = use_up(kBins, quota, amount, shared_at<uint64_t>(kSampleScratch), shared_at<uint64_t>(kSampleFound));
  if (thread_index() == 0) {
    state.open_bin = bin;
    state.phase = kTopP;
    state.quota = quota;
    state.listed = 0;
  }
}

// The row's bins, complete, in shared memory from `place` on.
__device__ __forceinline__ Sums sample_load_bins(const SampleParams& p, int row, uint32_t* place) {
  for (int i = thread_index(); i < 3 * kBins; i += kSampleThreads) place[i] = load_coherent(p.counts_of(row) + i);
  __syncthreads();
  return {place + kBins, place + 2 * kBins};
}

// ---- 2 --------------------------------------------------------------------------------------------------------------

__global__ void __launch_bounds__(kSampleThreads) sample_weigh(const __grid_constant__ SampleParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int row = static_cast<int>(blockIdx.x) / p.blocks, block = static_cast<int>(blockIdx.x) % p.blocks;
  SampleRow& state = p.state[row];
  if (state.done) return;
  uint32_t* counts = shared_at<uint32_t>(kSampleRest);
  Sums sums{counts + kBins, counts + 2 * kBins};
  for (int i = thread_index(); i < 3 * kBins; i += kSampleThreads) counts[i] = 0;
  __syncthreads();
  const float* logits = p.logits_of(row);
  uint64_t* weights = p.weights_of(row);
  const double temperature = p.temperature[row];
  const float largest = state.largest;
  for (int i = 0; i < kSampleEach; ++i) {
    const int token = block * kSampleTokens + i * kSampleThreads + thread_index();
    if (token >= p.vocabulary) break;
    const uint64_t weight = sample_weight(logits[token], largest, temperature);
    weights[token] = weight;
    if (weight == 0) continue;
    const int bin = bin_of(weight);
    atomic_add(counts + bin, 1);
    sums.add(bin, weight);
  }
  __syncthreads();
  for (int i = thread_index(); i < kBins; i += kSampleThreads) {
    if (counts[i] == 0) continue;
    atomic_add(p.counts_of(row) + i, counts[i]);
    p.sums_of(row).add(i, sums.at(i));
  }
  if (!last_arriver(p.arrivals + row, static_cast<uint32_t>(p.blocks))) return;

  sums = sample_load_bins(p, row, counts);
  uint64_t* scratch = shared_at<uint64_t>(kSampleScratch);
  uint64_t tokens = 0, total = 0;
  for (int i = thread_index(); i < kBins; i += kSampleThreads) {
    tokens += counts[i];
    total += sums.at(i);
  }
  tokens = block_sum(tokens, scratch);
  total = block_sum(total, scratch);
  if (thread_index() == 0) {  // min-p: the least whole weight of at least minP * 2^42
    const auto least = static_cast<uint64_t>(ceil(multiply_rn(p.min_p[row], kHeaviest)));
    state.threshold = max(least, uint64_t{1}) << kIdBits;
    state.top_k_threshold = 0;
  }
  uint64_t quota = static_cast<uint64_t>(p.top_k[row]);
  if (quota == 0 || quota >= tokens) {
    sample_open_top_p(p, row, total, [&](int i) { return sums.at(i); });
    return;
  }
  const int bin =
      use_up(kBins, quota, [&](int i) { return uint64_t{counts[i]}; }, scratch, shared_at<uint64_t>(kSampleFound));
  uint64_t above = 0;
  for (int i = thread_index(); i < kBins; i += kSampleThreads) above += i > bin ? sums.at(i) : 0;
  above = block_sum(above, scratch);
  if (thread_index() == 0) {
    state.open_bin = bin;
    state.phase = kTopK;
    state.quota = quota;
    state.above = above;
    state.listed = 0;
  }
}

// ---- 3, 4 -----------------------------------------------------------------------------------------------------------

struct NarrowParams {
  SampleParams sample;
  int32_t phase;
};

// min-p is not to take part in top-p, which comes before it: what top-k left is what the listing of top-p looks at.
__global__ void __launch_bounds__(kSampleThreads) sample_narrow(const __grid_constant__ NarrowParams narrow) {
  grid_dependency_wait();
  grid_dependency_launch();
  const SampleParams& p = narrow.sample;
  const int row = static_cast<int>(blockIdx.x) / p.blocks, block = static_cast<int>(blockIdx.x) % p.blocks;
  SampleRow& state = p.state[row];
  if (state.done || state.open_bin < 0 || state.phase != narrow.phase) return;
  const uint64_t* weights = p.weights_of(row);
  uint32_t* ids = p.ids_of(row);
  const int open_bin = state.open_bin;
  for (int i = 0; i < kSampleEach; ++i) {
    const int token = block * kSampleTokens + i * kSampleThreads + thread_index();
    const uint64_t weight = token < p.vocabulary ? weights[token] : 0;
    const bool here = weight != 0 && bin_of(weight) == open_bin;
    const uint32_t lanes = ballot(here);
    uint32_t place = 0;
    if (lane_index() == 0 && lanes != 0) place = atomic_add(&state.listed, static_cast<uint32_t>(__popc(lanes)));
    place = shfl(place, 0);
    if (here)
      ids[place + static_cast<uint32_t>(__popc(lanes & ((1u << lane_index()) - 1)))] = static_cast<uint32_t>(token);
  }
  if (!last_arriver(p.arrivals + row, static_cast<uint32_t>(p.blocks))) return;

  // The key of the last token that is kept, from its highest digit down: sums over a digit, of the tokens that agree in
  // the digits above, say in which entry the quota is used up.
  uint64_t* scratch = shared_at<uint64_t>(kSampleScratch);
  uint32_t* digits = shared_at<uint32_t>(kSampleRest);
  uint64_t* held = shared_at<uint64_t>(kSampleRest + 8 * kRadix);
  const int listed = static_cast<int>(load_coherent(&state.listed));
  const uint64_t floor = narrow.phase == kTopP ? state.top_k_threshold : 0;
  auto key = [&](int i) {
    if (i < kHeldKeys) return held[i];
    const uint32_t id = load_coherent(ids + i);
    return key_of(weights[id], id);
  };
  for (int i = thread_index(); i < min(listed, kHeldKeys); i += kSampleThreads) {
    const uint32_t id = load_coherent(ids + i);
    held[i] = key_of(weights[id], id);
  }
  const Sums sums{digits, digits + kRadix};
  uint64_t quota = state.quota, last = 0;
  for (int shift = (kDigits - 1) * kDigitBits; shift >= 0; shift -= kDigitBits) {
    for (int i = thread_index(); i < 2 * kRadix; i += kSampleThreads) digits[i] = 0;
    __syncthreads();
    for (int i = thread_index(); i < listed; i += kSampleThreads) {
      const uint64_t k = key(i);
      if (k < floor || (shift + kDigitBits < 64 && k >> (shift + kDigitBits) != last)) continue;
      sums.add(static_cast<int>(k >> shift) & (kRadix - 1), narrow.phase == kTopP ? k >> kIdBits : 1);
    }
    __syncthreads();
    const int digit =
        use_up(kRadix, quota, [&](int i) { return sums.at(i); }, scratch, shared_at<uint64_t>(kSampleFound));
    last = last << kDigitBits | static_cast<uint64_t>(digit);
  }

  if (narrow.phase == kTopP) {
    if (thread_index() == 0) {
      state.threshold = max(state.threshold, last);
      state.open_bin = -1;
    }
    return;
  }
  uint64_t kept = 0;
  for (int i = thread_index(); i < listed; i += kSampleThreads) kept += key(i) >= last ? key(i) >> kIdBits : 0;
  kept = block_sum(kept, scratch);
  const uint64_t total = state.above + kept;
  if (thread_index() == 0) {
    state.top_k_threshold = last;
    state.threshold = max(state.threshold, last);
  }
  const Sums bins = sample_load_bins(p, row, digits);
  sample_open_top_p(p, row, total, [&](int i) { return i > open_bin ? bins.at(i) : i == open_bin ? kept : 0; });
}

// ---- 5 --------------------------------------------------------------------------------------------------------------

__global__ void __launch_bounds__(kSampleThreads) sample_draw(const __grid_constant__ SampleParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int row = static_cast<int>(blockIdx.x) / p.blocks, block = static_cast<int>(blockIdx.x) % p.blocks;
  const SampleRow& state = p.state[row];
  if (state.done) return;
  const uint64_t* weights = p.weights_of(row);
  uint64_t* block_sums = p.block_sums + int64_t{row} * p.blocks;
  uint64_t* scratch = shared_at<uint64_t>(kSampleScratch);
  uint64_t* found = shared_at<uint64_t>(kSampleFound);
  const uint64_t threshold = state.threshold;
  auto kept = [&](int token) -> uint64_t {
    if (token >= p.vocabulary) return 0;
    return key_of(weights[token], static_cast<uint32_t>(token)) >= threshold ? weights[token] : 0;
  };
  uint64_t sum = 0;
  for (int i = 0; i < kSampleEach; ++i) sum += kept(block * kSampleTokens + i * kSampleThreads + thread_index());
  sum = block_sum(sum, scratch);
  if (thread_index() == 0) block_sums[block] = sum;
  if (!last_arriver(p.arrivals + row, static_cast<uint32_t>(p.blocks))) return;

  // First the block of tokens in which the running sum exceeds the point, then the token.
  const int each = (p.blocks + kSampleThreads - 1) / kSampleThreads, first = thread_index() * each;
  uint64_t mine = 0, total;
  for (int i = first; i < min(first + each, p.blocks); ++i) mine += load_coherent(block_sums + i);
  uint64_t before = sum_before(mine, scratch, total);
  const uint64_t point = multiply_high(p.random[row], total);
  if (before <= point && point < before + mine) {  // one thread
    for (int i = first; i < min(first + each, p.blocks); ++i) {
      const uint64_t here = load_coherent(block_sums + i);
      if (point < before + here) {
        found[0] = static_cast<uint64_t>(i);
        found[1] = before;
        break;
      }
      before += here;
    }
  }
  __syncthreads();
  const int begin = static_cast<int>(found[0]) * kSampleTokens + thread_index() * kSampleEach;
  const uint64_t base = found[1];
  mine = 0;
  for (int i = 0; i < kSampleEach; ++i) mine += kept(begin + i);
  before = base + sum_before(mine, scratch, total);
  if (before > point || point >= before + mine) return;
  int token = begin;
  for (before += kept(token); before <= point; before += kept(token)) ++token;
  p.token[row] = token;
  if (p.log_probability != nullptr) {
    p.log_probability[row] =
        (static_cast<double>(p.logits_of(row)[token]) - static_cast<double>(state.largest)) - state.log_sum;
  }
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_SAMPLE_ROW_CUH_
