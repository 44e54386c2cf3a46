// Probes of what the device reaches at best. Each does nothing but the one thing that is measured, on all
// multiprocessors, with enough independent work in every thread to hide latency.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_LIMITS_CUH_
#define SAMBAY_CUDA_KERNELS_LIMITS_CUH_

#include "cuda/wgmma.h"

namespace sambay::cuda {

constexpr int kProbeThreads = 256;
constexpr int kMostProbeBlocks = 8;  // a multiprocessor
constexpr int kProbeChains = 8;      // independent results under way in a thread

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

struct CopyProbeParams {
  const uint4* from;
  uint4* to;
  int64_t vectors;  // as of ReadProbeParams
};

// The same, and writes what it reads.
__global__ void __launch_bounds__(kProbeThreads) copy_probe(const __grid_constant__ CopyProbeParams p) {
  const int64_t threads = int64_t{gridDim.x} * kProbeThreads;
  for (int64_t i = int64_t{blockIdx.x} * kProbeThreads + thread_index(); i < p.vectors; i += threads * kProbeChains) {
    uint4 read[kProbeChains];
#pragma unroll
    for (int chain = 0; chain < kProbeChains; ++chain) read[chain] = load_once(p.from + i + chain * threads);
#pragma unroll
    for (int chain = 0; chain < kProbeChains; ++chain) p.to[i + chain * threads] = read[chain];
  }
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

// Products of a warpgroup: [64, 16] [16, 256], both operands in shared memory, each block one warpgroup.
constexpr int kWgmmaProbeThreads = 128, kWgmmaProbeProducts = 4;
constexpr int kWgmmaProbeABytes = 64 * 128, kWgmmaProbeBBytes = 256 * 128;
constexpr int kWgmmaProbeBytes = kWgmmaProbeABytes + kWgmmaProbeBBytes;
constexpr double kWgmmaFlops = 2.0 * 64 * 256 * 16;

// kWgmmaProbeProducts of them a round and block. Numbers of many bits: a card that multiplies zeros draws less power
// and runs faster.
__global__ void __launch_bounds__(kWgmmaProbeThreads) wgmma_probe(const __grid_constant__ ArithmeticProbeParams p) {
  auto* operands = shared_at<uint32_t>(0);
  uint32_t bits = 1 + static_cast<uint32_t>(thread_index());
  for (int i = thread_index(); i < kWgmmaProbeBytes / 4; i += kWgmmaProbeThreads) {
    bits = bits * 1664525u + 1013904223u;
    operands[i] = pack_bf16(static_cast<float>(bits >> 16) * 0x1p-16f - p.start,
                            static_cast<float>(bits & 0xffffu) * 0x1p-16f - p.start);
  }
  fence_async_shared();
  __syncthreads();
  float d[128];
#pragma unroll
  for (int i = 0; i < 128; ++i) d[i] = 0;
  const WgmmaOperand a = wgmma_operand(shared_memory(), 1024);
  const WgmmaOperand b = wgmma_operand(shared_memory() + kWgmmaProbeABytes, 1024);
  for (int round = 0; round < p.rounds; ++round) {
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < kWgmmaProbeProducts; ++k) wgmma<bf16>(d, a + k * (32 >> 4), b + k * (32 >> 4));
    wgmma_commit();
    wgmma_wait<0>();
  }
  wgmma_pin(d);
  float sum = 0;
#pragma unroll
  for (int i = 0; i < 128; ++i) sum += d[i];
  if (sum == 0.125f) p.sink[0] = sum;
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_LIMITS_CUH_
