#include "cuda/kernels/rope_rows.cuh"
#include "cuda/ops.h"
#include "cuda/views.h"

namespace sambay::cuda {

void rope(Queue& queue, const sy_rope_args& args) {
  const sy_batch& batch = *args.batch;
  const auto half = static_cast<int32_t>(args.cos->cols);
  const bool vectors =
      args.head_dim % 8 == 0 && in_vectors(args.x) && in_vectors(args.cos) && in_vectors(args.sin);  // so half % 8 == 0
  queue.launch(
      vectors ? rope_rows<8> : rope_rows<1>, args.x->rows, kRopeThreads, 0,
      RopeParams{view_of(args.x), view_of(args.cos), view_of(args.sin),
                 queue.input(batch.seq_start, batch.sequences + 1), queue.input(batch.position, batch.sequences),
                 batch.sequences, static_cast<int32_t>(args.x->cols / args.head_dim), args.head_dim, half});
}

}  // namespace sambay::cuda
