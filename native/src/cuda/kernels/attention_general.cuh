// Attention of any width, storage type and grouping, in f32: what the fast kernels do not take. One block per query row
// and query; 128 keys at a time, a thread per key for the scores and a thread per column for the values.
//
// Bound by the reads of keys and values through L2, once for every query and not once for every group. Meant for f32
// checks and small odd shapes, not for speed.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_ATTENTION_GENERAL_CUH_
#define SAMBAY_CUDA_KERNELS_ATTENTION_GENERAL_CUH_

#include "cuda/kernels/attention_params.cuh"

namespace sambay::cuda::attend {

constexpr int kGeneralThreads = 128;
constexpr int kGeneralKeys = 128;

// Floats of shared memory: q [width], sums [maps, width], probabilities [maps, keys], places of the keys, reductions.
constexpr int64_t general_shared_bytes(int64_t maps, int64_t width) {
  return 4 * (width + maps * width + maps * kGeneralKeys + kGeneralKeys + 2 * (kGeneralThreads / 32));
}

// Grid [rows, groups * queries].
template <int kMaps>
__global__ void __launch_bounds__(kGeneralThreads, 4) attention_general(const __grid_constant__ AttentionParams p) {
  grid_dependency_wait();
  const int thread = thread_index();
  const int32_t row = static_cast<int32_t>(blockIdx.x), query = static_cast<int32_t>(blockIdx.y);
  const int32_t s = sequence_of(p.seq_start, p.sequences, row), begin = p.seq_start[s];
  const int32_t first_own = p.position[s], position = first_own + row - begin;
  const int width = kMaps * p.head_dim;
  const int64_t q_column = static_cast<int64_t>(query) * width;
  const int64_t kv_column = static_cast<int64_t>(query / p.queries) * width;

  float* q = shared_at<float>(0);
  float* sums = q + width;
  float* probabilities = sums + kMaps * width;
  int32_t* places = reinterpret_cast<int32_t*>(probabilities + kMaps * kGeneralKeys);
  float* reductions[2] = {reinterpret_cast<float*>(places + kGeneralKeys),
                          reinterpret_cast<float*>(places + kGeneralKeys) + kGeneralThreads / 32};
  for (int c = thread; c < width; c += kGeneralThreads) {
    q[c] = element(p.q, row, q_column + c);
    for (int map = 0; map < kMaps; ++map) sums[map * width + c] = 0;
  }
  __syncthreads();

  float top[kMaps], total[kMaps];
  for (int map = 0; map < kMaps; ++map) top[map] = -INFINITY, total[map] = 0;
  for (int64_t from = first_seen(p, position); from <= position; from += kGeneralKeys) {
    const int count = static_cast<int>(min(static_cast<int64_t>(kGeneralKeys), position + 1 - from));
    const int32_t place =
        thread < count ? find_key(p, s, begin, first_own, static_cast<int32_t>(from) + thread) : kNowhere;
    places[thread] = place;
    const View& keys = place < 0 ? p.own_keys : p.cached_keys;
    for (int map = 0; map < kMaps; ++map) {
      float score = -INFINITY;
      if (place != kNowhere) {
        const int64_t column = kv_column + map * p.head_dim;
        const int64_t at = place < 0 ? ~place : place;
        score = 0;
        for (int i = 0; i < p.head_dim; ++i) {
          score += q[map * p.head_dim + i] * element(keys, at, column + i);
        }
        score *= p.scale;
      }
      const float now = max(top[map], block_max<kGeneralThreads>(score, reductions[0]));
      const float probability = score == -INFINITY ? 0.0f : expf(score - now);
      const float kept = top[map] == -INFINITY ? 0.0f : expf(top[map] - now);
      probabilities[map * kGeneralKeys + thread] = probability;
      total[map] = total[map] * kept + block_sum<kGeneralThreads>(probability, reductions[1]);
      top[map] = now;
      for (int c = thread; c < width; c += kGeneralThreads) sums[map * width + c] *= kept;
    }
    for (int c = thread; c < width; c += kGeneralThreads) {
      float sum[kMaps] = {};
      for (int i = 0; i < count; ++i) {
        const int32_t at = places[i];
        if (at == kNowhere) continue;
        const View& values = at < 0 ? p.own_values : p.cached_values;
        const float value = element(values, at < 0 ? ~at : at, kv_column + c);
        for (int map = 0; map < kMaps; ++map) sum[map] += probabilities[map * kGeneralKeys + i] * value;
      }
      for (int map = 0; map < kMaps; ++map) sums[map * width + c] += sum[map];
    }
    __syncthreads();  // before the next keys take the place of these
  }

  float factor = 1;
  if constexpr (kMaps == 2) {
    float square = 0;
    for (int c = thread; c < width; c += kGeneralThreads) {
      const float value = sums[c] / total[0] - p.lambda * (sums[width + c] / total[1]);
      sums[c] = value;
      square += value * value;
    }
    const float mean = block_sum<kGeneralThreads>(square, reductions[0]) / static_cast<float>(width);
    factor = p.out_scale / sqrtf(mean + p.eps);
  }
  for (int c = thread; c < width; c += kGeneralThreads) {
    const float value = kMaps == 2 ? sums[c] * factor * p.subln_weight[c] : sums[c] / total[0];
    store_element(p.y, row, q_column + c, value);
  }
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_ATTENTION_GENERAL_CUH_
