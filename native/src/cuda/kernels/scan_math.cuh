// What all selective scan kernels compute alike, so that a row's result has the same bits whichever of them computes
// it: the steps of the recurrence, and y as one tree over the states. With q_i the sum over the states n = i mod 4,
//   16 states:  p_l = S[l] c[l] + S[l+8] c[l+8],  q_i = p_i + p_i+4
//   else:       q_i from its lowest state up
//   y = (q_0 + q_2) + (q_1 + q_3) + d x
#ifndef SAMBAY_CUDA_KERNELS_SCAN_MATH_CUH_
#define SAMBAY_CUDA_KERNELS_SCAN_MATH_CUH_

#include "cuda/kernels/copy_view.cuh"

namespace sambay::cuda {

// log(1 + exp(v)), relative error about 1e-6: exp(v) down to the smallest denormal for v << 0 (expf keeps them, which
// ex2.approx.ftz would not), v itself where v > 20. log(1 + u) = 2 artanh(s), s = u / (2 + u) <= 1/3, by a polynomial.
__device__ __forceinline__ float softplus(float v) {
  const float u = expf(-fabsf(v));
  const float s = u * rcp_approx(u + 2.0f);
  const float z = s * s;
  float series = 0.24289562f;
  series = fmaf(series, z, 0.21430739f);
  series = fmaf(series, z, 0.28616597f);
  series = fmaf(series, z, 0.39998888f);
  series = fmaf(series, z, 0.66666676f);
  series = fmaf(series, z, 2.0f);
  return fmaf(series, s, max(v, 0.0f));
}

// One state over one token. rate: a log2 e; step: softplus(delta); input: step x. exp2_approx: relative error 2^-22
// assumed, which is what a decay near 1 loses per token beside the 2^-24 of its own rounding.
__device__ __forceinline__ float scan_next(float state, float step, float rate, float input, float b) {
  return fmaf(exp2_approx(step * rate), state, input * b);
}

// y + d x, and the gate.
__device__ __forceinline__ float scan_skip(float y, float d, float x) { return fmaf(d, x, y); }
__device__ __forceinline__ float scan_gate(float y, float z) { return y * silu(z); }

struct ScanParams {
  View x, delta, b, c, z, y, y_ungated;  // z, y, y_ungated: or null
  const float* delta_bias;               // or null
  const float* a;                        // [state, inner]
  int64_t a_stride;
  const float* d;  // or null
  float* state;    // [slots * state, inner]
  int64_t state_stride;
  const int32_t* seq_start;
  const int32_t* slot;
  const int32_t* position;
  int64_t inner;
  int32_t states;
  int32_t tiles;          // of channels: the grid is [sequences, tiles]
  int32_t shortest;       // sequences of fewer rows than this are left to another kernel, as are
  int32_t longest;        // those of more
  bool states_in_shared;  // of scan_rows<0>
};

// Sequences of at least so many rows are many rows.
constexpr int kScanChunkRows = 8;

// The sequence and tile of this block; false where it has nothing to do.
struct ScanTask {
  int sequence, tile, begin, rows;
  int64_t state_row;
  bool fresh;  // position 0: whatever the slot holds, the state is zero
};
__device__ __forceinline__ bool scan_task(const ScanParams& p, ScanTask& task) {
  task.sequence = static_cast<int>(blockIdx.x / static_cast<uint32_t>(p.tiles));
  task.tile = static_cast<int>(blockIdx.x % static_cast<uint32_t>(p.tiles));
  task.begin = p.seq_start[task.sequence];
  task.rows = p.seq_start[task.sequence + 1] - task.begin;
  task.state_row = int64_t{p.slot[task.sequence]} * p.states;
  task.fresh = p.position[task.sequence] == 0;
  return task.rows >= p.shortest && task.rows <= p.longest;
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_SCAN_MATH_CUH_
