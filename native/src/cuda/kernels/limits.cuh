// Probes of what the device reaches at best. Each does nothing but the one thing that is measured, on all
// multiprocessors, with enough independent work in every thread to hide latency.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_LIMITS_CUH_
#define SAMBAY_CUDA_KERNELS_LIMITS_CUH_

#include "cuda/simt.h"

namespace sambay::cuda {

constexpr int kProbeThreads = 256;
constexpr int kProbeBlocksPerMultiprocessor = 8;
constexpr int kProbeChains = 8;  // independent results under way in a thread

struct ReadProbeParams {
  const uint4* from;
  int64_t vectors;  // a multiple of what the grid reads in one turn
  float* sink;
};

// Reads `from` once, 16 bytes at a time, neighbouring threads neighbouring addresses.
__global__ void __launch_bounds__(kProbeThreads) read_probe(const __grid_constant__ ReadProbeParams p) {
  const int64_t threads = int64_t{gridDim.x} * kProbeThreads;
  uint32_t bits = 0;
  for (int64_t i = int64_t{blockIdx.x} * kProbeThreads + thread_index(); i < p.vectors; i += threads * kProbeChains) {
    uint4 read[kProbeChains];
#pragma unroll
    for (int chain = 0; chain < kProbeChains; ++chain) read[chain] = load_once(p.from + i + chain * threads);
#pragma unroll
    for (int chain = 0; chain < kProbeChains; ++chain) {
      bits |= read[chain].x | read[chain].y | read[chain].z | read[chain].w;
    }
  }
  if (bits != 0) p.sink[0] = 1;  // never: it reads zeros. The compiler cannot know
}

struct ArithmeticProbeParams {
  int rounds;
  float start;
  float* sink;
};

// kProbeChains fused products a round and thread.
__global__ void __launch_bounds__(kProbeThreads) f32_probe(const __grid_constant__ ArithmeticProbeParams p) {
  float value[kProbeChains];
#pragma unroll
  for (int chain = 0; chain < kProbeChains; ++chain) value[chain] = p.start + static_cast<float>(chain);
  for (int round = 0; round < p.rounds; ++round) {
#pragma unroll
    for (int chain = 0; chain < kProbeChains; ++chain) value[chain] = fmaf(value[chain], p.start, 1.0f);
  }
  float sum = 0;
#pragma unroll
  for (int chain = 0; chain < kProbeChains; ++chain) sum += value[chain];
  if (sum == -1.0f) p.sink[0] = sum;
}

// kProbeChains exponentials a round and thread.
__global__ void __launch_bounds__(kProbeThreads) exp_probe(const __grid_constant__ ArithmeticProbeParams p) {
  float value[kProbeChains];
#pragma unroll
  for (int chain = 0; chain < kProbeChains; ++chain) value[chain] = p.start + static_cast<float>(chain);
  for (int round = 0; round < p.rounds; ++round) {
#pragma unroll
    for (int chain = 0; chain < kProbeChains; ++chain) value[chain] = exp2_approx(-value[chain]);
  }
  float sum = 0;
#pragma unroll
  for (int chain = 0; chain < kProbeChains; ++chain) sum += value[chain];
  if (sum == -1.0f) p.sink[0] = sum;
}

constexpr double kMmaFlops = 2.0 * 16 * 8 * 16;

// kProbeChains products of a tensor core a round and warp.
__global__ void __launch_bounds__(kProbeThreads) bf16_probe(const __grid_constant__ ArithmeticProbeParams p) {
  float d[kProbeChains][4] = {};
  const uint32_t one = pack_bf16(p.start, p.start);
  const uint32_t a[4] = {one, one, one, one}, b[2] = {one, one};
  for (int round = 0; round < p.rounds; ++round) {
#pragma unroll
    for (int chain = 0; chain < kProbeChains; ++chain) mma_bf16_16x8x16(d[chain], a, b);
  }
  float sum = 0;
#pragma unroll
  for (int chain = 0; chain < kProbeChains; ++chain) sum += d[chain][0] + d[chain][1] + d[chain][2] + d[chain][3];
  if (sum == -1.0f) p.sink[0] = sum;
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_LIMITS_CUH_
