// Selective scan, row by row: the decode step (one row per sequence, all sequences in one launch), and whatever the
// prefill kernel of scan_chunk.cuh does not take: other state sizes, mixed storage types, unaligned rows.
// A block has 32 channels; its four warps take the states n mod 4 of each, so that rows of the state are read and
// written 128 bytes at a time.
// Bound of a step by bytes: 128 inner (state in and out) + 8 inner (x, delta, z, y in bf16) per sequence, and 64 inner
// (a) once; 0.7 MB per sequence at 5,120 channels, 0.23 us at 3.0 TB/s. One sequence is latency, about 3 us.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_SCAN_ROWS_CUH_
#define SAMBAY_CUDA_KERNELS_SCAN_ROWS_CUH_

#include "cuda/kernels/scan_math.cuh"

namespace sambay::cuda {

constexpr int kScanRowChannels = 32;
constexpr int kScanRowWarps = 4;
constexpr int kScanRowThreads = 32 * kScanRowWarps;
constexpr int kScanRowSums = 2 * kScanRowWarps * kScanRowChannels * 4;  // bytes; two sets, used in turn

// kStates: 16, held in registers; 0: any number, in shared memory, or in place where that does not suffice.
template <int kStates>
__global__ void __launch_bounds__(kScanRowThreads) scan_rows(const __grid_constant__ ScanParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  ScanTask task;
  if (!scan_task(p, task)) return;
  const int lane = lane_index(), quarter = warp_index();
  const int64_t channel = int64_t{task.tile} * kScanRowChannels + lane;
  const bool live = channel < p.inner;
  const int64_t c = live ? channel : p.inner - 1;  // lanes beyond compute what nobody stores

  constexpr int kHeld = kStates == 0 ? 1 : kStates / 4;
  float state[kHeld], rate[kHeld];
  float* kept = p.state + task.state_row * p.state_stride + c;
  float* far_state = kept;  // of scan_rows<0>: element n at far_state[n * far_stride]
  int64_t far_stride = p.state_stride;
  if constexpr (kStates != 0) {
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int n = quarter + 4 * i;
      rate[i] = load_readonly(p.a + n * p.a_stride + c) * kLog2E;
      state[i] = task.fresh ? 0.0f : kept[n * p.state_stride];
    }
  } else {
    if (p.states_in_shared) {
      far_state = shared_at<float>(kScanRowSums) + lane;
      far_stride = kScanRowChannels;
    }
    // A lane beyond the channels has no place of its own but in shared memory.
    if (live || p.states_in_shared) {
      for (int n = quarter; n < p.states; n += 4) {
        far_state[n * far_stride] = task.fresh ? 0.0f : kept[n * p.state_stride];
      }
    }
  }
  const float bias = p.delta_bias == nullptr ? 0.0f : load_readonly(p.delta_bias + c);
  const float d = p.d == nullptr ? 0.0f : load_readonly(p.d + c);

  for (int t = 0; t < task.rows; ++t) {
    const int64_t row = task.begin + t;
    float x[1], delta[1], b[1], weight[1];
    load(p.x, row, c, x);
    load(p.delta, row, c, delta);
    const float step = softplus(delta[0] + bias), input = step * x[0];
    float sum = 0;
    if constexpr (kStates != 0) {
      float halves[2];  // p_l and p_l+4 of scan_math.cuh
#pragma unroll
      for (int i = 0; i < kHeld; ++i) {
        load(p.b, row, quarter + 4 * i, b);
        load(p.c, row, quarter + 4 * i, weight);
        state[i] = scan_next(state[i], step, rate[i], input, b[0]);
        halves[i % 2] = i < 2 ? state[i] * weight[0] : fmaf(state[i], weight[0], halves[i % 2]);
      }
      sum = halves[0] + halves[1];
    } else {
      for (int n = quarter; n < p.states && (live || p.states_in_shared); n += 4) {
        load(p.b, row, n, b);
        load(p.c, row, n, weight);
        const float next =
            scan_next(far_state[n * far_stride], step, load_readonly(p.a + n * p.a_stride + c) * kLog2E, input, b[0]);
        far_state[n * far_stride] = next;
        sum = fmaf(next, weight[0], sum);
      }
    }
    // Two sets of sums: a warp that runs ahead writes the other set, and meets the next barrier before it comes back.
    float* sums = shared_at<float>(0) + t % 2 * kScanRowWarps * kScanRowChannels;
    sums[quarter * kScanRowChannels + lane] = sum;
    __syncthreads();
    if (quarter != 0 || !live) continue;
    float y[1] = {(sums[lane] + sums[2 * kScanRowChannels + lane]) +
                  (sums[kScanRowChannels + lane] + sums[3 * kScanRowChannels + lane])};
    y[0] = scan_skip(y[0], d, x[0]);
    if (p.y_ungated.data != nullptr) store(p.y_ungated, row, c, y);
    if (p.y.data == nullptr) continue;
    if (p.z.data != nullptr) {
      float z[1];
      load(p.z, row, c, z);
      y[0] = scan_gate(y[0], z[0]);
    }
    store(p.y, row, c, y);
  }

  if (!live) return;
  if constexpr (kStates != 0) {
#pragma unroll
    for (int i = 0; i < kHeld; ++i) kept[(quarter + 4 * i) * p.state_stride] = state[i];
  } else if (p.states_in_shared) {
    for (int n = quarter; n < p.states; n += 4) kept[n * p.state_stride] = far_state[n * far_stride];
  }
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_SCAN_ROWS_CUH_
