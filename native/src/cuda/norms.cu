#include "cuda/kernels/norm_rows.cuh"
#include "cuda/ops.h"
#include "cuda/views.h"

namespace sambay::cuda {
namespace {

void norm(Queue& queue, const sy_tensor* x, const sy_tensor* weight, const sy_tensor* bias, const sy_tensor* y,
          float eps) {
  const bool vectors = in_vectors(x) && in_vectors(y) && in_vectors(weight) && in_vectors(bias);
  queue.launch(vectors ? norm_rows<8> : norm_rows<1>, x->rows, kNormThreads, kNormSharedBytes,
               NormParams{view_of(x), view_of(y), floats_of(weight), floats_of(bias), x->cols, eps});
}

}  // namespace

void layer_norm(Queue& queue, const sy_layer_norm_args& args) {
  norm(queue, args.x, args.weight, args.bias, args.y, args.eps);
}

void rms_norm(Queue& queue, const sy_rms_norm_args& args) {
  norm(queue, args.x, args.weight, nullptr, args.y, args.eps);
}

}  // namespace sambay::cuda
