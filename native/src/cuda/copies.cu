#include "cuda/kernels/copy_rows.cuh"
#include "cuda/ops.h"
#include "cuda/views.h"

namespace sambay::cuda {
namespace {

bool contiguous(const sy_tensor& tensor) { return tensor.rows == 1 || tensor.stride == tensor.cols; }

sy_tensor as_one_row(const sy_tensor& tensor) {
  const int64_t elements = tensor.rows * tensor.cols;
  return {tensor.data, tensor.dtype, 1, elements, elements};
}

void start_copy(Queue& queue, const sy_tensor* from, const int32_t* rows, const sy_tensor& to) {
  const bool vectors = in_vectors(from) && in_vectors(&to);
  const int64_t blocks = ceil_div(to.cols, kCopyThreads * (vectors ? 8 : 1));
  queue.launch(vectors ? copy_rows<8> : copy_rows<1>, to.rows * blocks, kCopyThreads, 0,
               CopyParams{view_of(from), view_of(to), rows, to.cols, static_cast<int32_t>(blocks)});
}

}  // namespace

void copy(Queue& queue, const sy_tensor& from, const sy_tensor& to) {
  if (contiguous(from) && contiguous(to)) {
    const sy_tensor one = as_one_row(from);
    start_copy(queue, &one, nullptr, as_one_row(to));
  } else {
    start_copy(queue, &from, nullptr, to);
  }
}

void zero(Queue& queue, const sy_tensor& tensor) {
  if (contiguous(tensor)) {
    queue.zero(tensor.data, tensor.rows * tensor.cols * bytes_of(tensor.dtype));
  } else {
    start_copy(queue, nullptr, nullptr, tensor);
  }
}

void gather_rows(Queue& queue, const sy_gather_rows_args& args) {
  start_copy(queue, args.x, queue.input(args.rows, args.y->rows), *args.y);
}

}  // namespace sambay::cuda
