#include "cuda/kernels/gate_elements.cuh"
#include "cuda/kernels/norm_rows.cuh"
#include "cuda/ops.h"
#include "cuda/views.h"

namespace sambay::cuda {
namespace {

// y = silu(gate) * factor[.., factor_col + ..]
void gated(Queue& queue, const sy_tensor& gate, const sy_tensor& factor, int64_t factor_col, const sy_tensor& y) {
  const bool vectors = in_vectors(&gate) && in_vectors(&factor) && in_vectors(&y);
  const int64_t blocks = ceil_div(y.cols, kGateThreads * (vectors ? 8 : 1));
  queue.launch(
      vectors ? gate_elements<8> : gate_elements<1>, y.rows * blocks, kGateThreads, 0,
      GateParams{view_of(gate), view_of(factor), view_of(y), factor_col, y.cols, static_cast<int32_t>(blocks)});
}

}  // namespace

void swiglu(Queue& queue, const sy_swiglu_args& args) {
  gated(queue, *args.gate_up, *args.gate_up, args.y->cols, *args.y);
}

void gmu(Queue& queue, const sy_gmu_args& args) {
  if (args.norm_weight == nullptr) {
    gated(queue, *args.gate, *args.memory, 0, *args.y);
    return;
  }
  const int64_t group = args.y->cols / args.norm_groups;
  const bool vectors = group % 8 == 0 && in_vectors(args.gate) && in_vectors(args.memory) && in_vectors(args.y) &&
                       in_vectors(args.norm_weight);
  queue.launch(vectors ? gmu_norm_groups<8> : gmu_norm_groups<1>, args.y->rows * args.norm_groups, kNormThreads,
               kNormSharedBytes,
               GmuNormParams{view_of(args.gate), view_of(args.memory), view_of(args.y), floats_of(args.norm_weight),
                             group, args.norm_groups, args.eps});
}

}  // namespace sambay::cuda
