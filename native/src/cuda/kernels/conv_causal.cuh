// Causal convolution over time with SiLU, and the tails it leaves behind. A thread owns some neighbouring channels and
// a run of rows, in whatever sequences they lie.
// Bound by bytes: rows * channels * (bytes read + bytes written) / copy bandwidth; 2,048 rows of 5,120 in bf16 are
// 42 MB, 14 us at 3.0 TB/s, less where x is still in L2. Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_CONV_CAUSAL_CUH_
#define SAMBAY_CUDA_KERNELS_CONV_CAUSAL_CUH_

#include "cuda/kernels/copy_view.cuh"

namespace sambay::cuda {

constexpr int kConvThreads = 128;

struct ConvParams {
  View x, tail, y;
  const float* weight;  // [taps, inner]
  int64_t weight_stride;
  const float* bias;  // or null
  const int32_t* seq_start;
  const int32_t* slot;
  const int32_t* position;
  int32_t sequences;
  int32_t rows, run;  // all rows; those of a thread
  int64_t inner;
  int32_t taps;
  int32_t blocks_per_run;
  bool writes_tail;  // every sequence is one row, so that no other thread reads what is written
};

// The input of a sequence `back` rows before its row `t`: of this batch, of the tail, or zero. t counts from the
// sequence's first row in the batch.
template <int kWidth>
__device__ __forceinline__ void conv_input(const ConvParams& p, int s, int first_row, int t, int back, int64_t c,
                                           float (&v)[kWidth]) {
  if (back <= t) {
    load(p.x, first_row + t - back, c, v);
  } else if (p.position[s] > 0) {
    load(p.tail, int64_t{p.slot[s]} * (p.taps - 1) + p.taps - 1 + t - back, c, v);
  } else {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) v[i] = 0;
  }
}

// The last taps - 1 inputs of a sequence of `rows` rows become its tail, oldest first: the old tail moves up, whose
// rows are read before they are written.
template <int kWidth>
__device__ __forceinline__ void conv_leave_tail(const ConvParams& p, int s, int first_row, int rows, int64_t c) {
  const int history = p.taps - 1;
  for (int i = 0; i < history; ++i) {
    float v[kWidth];
    conv_input(p, s, first_row, rows - 1, history - 1 - i, c, v);
    store(p.tail, int64_t{p.slot[s]} * history + i, c, v);
  }
}

// kTaps: the taps, with weights and inputs in registers; 0: any number, read again for each row.
template <int kWidth, int kTaps>
__global__ void __launch_bounds__(kConvThreads, 4) conv_causal(const __grid_constant__ ConvParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int begin = static_cast<int>(blockIdx.x / static_cast<uint32_t>(p.blocks_per_run)) * p.run;
  const int end = min(begin + p.run, p.rows);
  const int block = static_cast<int>(blockIdx.x % static_cast<uint32_t>(p.blocks_per_run));
  const int64_t c = (int64_t{block} * kConvThreads + thread_index()) * kWidth;
  if (c >= p.inner) return;

  constexpr int kHeld = kTaps == 0 ? 1 : kTaps;
  float weight[kHeld][kWidth], inputs[kHeld][kWidth], bias[kWidth] = {};
  if (p.bias != nullptr) load_weights(p.bias, c, bias);
#pragma unroll
  for (int k = 0; k < kTaps; ++k) load_weights(p.weight + k * p.weight_stride, c, weight[k]);

  int s = sequence_of(p.seq_start, p.sequences, begin);
  for (int row = begin; row < end; ++s) {
    const int first_row = p.seq_start[s], stop = min(end, p.seq_start[s + 1]);
#pragma unroll
    for (int k = 0; k < kTaps - 1; ++k) conv_input(p, s, first_row, row - first_row, kTaps - 1 - k, c, inputs[k]);
    for (; row < stop; ++row) {
      float sum[kWidth];
#pragma unroll
      for (int i = 0; i < kWidth; ++i) sum[i] = bias[i];
      if constexpr (kTaps == 0) {
        for (int k = 0; k < p.taps; ++k) {
          load_weights(p.weight + k * p.weight_stride, c, weight[0]);
          conv_input(p, s, first_row, row - first_row, p.taps - 1 - k, c, inputs[0]);
#pragma unroll
          for (int i = 0; i < kWidth; ++i) sum[i] = fmaf(weight[0][i], inputs[0][i], sum[i]);
        }
      } else {
        load(p.x, row, c, inputs[kTaps - 1]);
#pragma unroll
        for (int k = 0; k < kTaps; ++k) {
#pragma unroll
          for (int i = 0; i < kWidth; ++i) sum[i] = fmaf(weight[k][i], inputs[k][i], sum[i]);
        }
#pragma unroll
        for (int k = 0; k + 1 < kTaps; ++k) {
#pragma unroll
          for (int i = 0; i < kWidth; ++i) inputs[k][i] = inputs[k + 1][i];
        }
      }
#pragma unroll
      for (int i = 0; i < kWidth; ++i) sum[i] = silu(sum[i]);
      store(p.y, row, c, sum);
      if (p.writes_tail) conv_leave_tail<kWidth>(p, s, first_row, 1, c);
    }
  }
}

// The tails alone, one sequence per row of the grid.
template <int kWidth>
__global__ void __launch_bounds__(kConvThreads) conv_tails(const __grid_constant__ ConvParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int s = static_cast<int>(blockIdx.x / static_cast<uint32_t>(p.blocks_per_run));
  const int block = static_cast<int>(blockIdx.x % static_cast<uint32_t>(p.blocks_per_run));
  const int64_t c = (int64_t{block} * kConvThreads + thread_index()) * kWidth;
  if (c >= p.inner) return;
  conv_leave_tail<kWidth>(p, s, p.seq_start[s], p.seq_start[s + 1] - p.seq_start[s], c);
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_CONV_CAUSAL_CUH_
