// Copies with conversion, lookup of rows, zeros.
// Bound by bytes: rows * columns * (bytes read + bytes written) / copy bandwidth. Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_COPY_ROWS_CUH_
#define SAMBAY_CUDA_KERNELS_COPY_ROWS_CUH_

#include "cuda/kernels/copy_view.cuh"

namespace sambay::cuda {

constexpr int kCopyThreads = 128;

// to[row] = from[rows[row]], or from[row] where `rows` is null, or zeros where `from` is. A block stays in one row.
struct CopyParams {
  View from, to;
  const int32_t* rows;
  int64_t cols;
  int32_t blocks_per_row;
};

template <int kWidth>
__global__ void __launch_bounds__(kCopyThreads) copy_rows(const __grid_constant__ CopyParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int64_t row = blockIdx.x / static_cast<uint32_t>(p.blocks_per_row);
  const int64_t block = blockIdx.x % static_cast<uint32_t>(p.blocks_per_row);
  const int64_t c = (block * kCopyThreads + thread_index()) * kWidth;
  if (c >= p.cols) return;
  float v[kWidth] = {};
  if (p.from.data != nullptr) load(p.from, p.rows == nullptr ? row : p.rows[row], c, v);
  store(p.to, row, c, v);
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_COPY_ROWS_CUH_
