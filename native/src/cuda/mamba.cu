#include <algorithm>
#include <climits>

#include "cuda/kernels/conv_causal.cuh"
#include "cuda/kernels/scan_chunk.cuh"
#include "cuda/kernels/scan_rows.cuh"
#include "cuda/ops.h"
#include "cuda/views.h"

namespace sambay::cuda {

// ---- causal convolution ---------------------------------------------------------------------------------------------

namespace {

// Rows of a thread: few rows give every row its own threads, many share the weights in registers.
int32_t conv_run(int64_t rows) { return rows <= 64 ? 1 : 8; }

bool one_row_each(const sy_batch& batch) { return batch.seq_start[batch.sequences] == batch.sequences; }

template <int kWidth>
void conv(Queue& queue, ConvParams params, int64_t blocks, int64_t runs) {
  params.blocks_per_run = static_cast<int32_t>(blocks);
  queue.launch(params.taps == 4 ? conv_causal<kWidth, 4> : conv_causal<kWidth, 0>, runs * blocks, kConvThreads, 0,
               params);
  // After, not within: the rows of a sequence belong to several blocks, and its first ones read the old tail.
  if (!params.writes_tail) queue.launch(conv_tails<kWidth>, params.sequences * blocks, kConvThreads, 0, params);
}

}  // namespace

void causal_conv1d(Queue& queue, const sy_causal_conv1d_args& args) {
  const sy_batch& batch = *args.batch;
  ConvParams params{};
  params.x = view_of(args.x);
  params.tail = view_of(args.tail);
  params.y = view_of(args.y);
  params.weight = floats_of(args.weight);
  params.weight_stride = args.weight->stride;
  params.bias = floats_of(args.bias);
  params.seq_start = queue.input(batch.seq_start, batch.sequences + 1);
  params.slot = queue.input(batch.slot, batch.sequences);
  params.position = queue.input(batch.position, batch.sequences);
  params.sequences = batch.sequences;
  params.rows = static_cast<int32_t>(args.x->rows);
  params.run = conv_run(args.x->rows);
  params.inner = args.x->cols;
  params.taps = static_cast<int32_t>(args.weight->rows);
  params.writes_tail = one_row_each(batch);
  const bool vectors = in_vectors(args.x) && in_vectors(args.tail) && in_vectors(args.y) && in_vectors(args.weight) &&
                       in_vectors(args.bias);
  const int64_t runs = ceil_div(args.x->rows, params.run);
  const int64_t blocks = ceil_div(params.inner, kConvThreads * (vectors ? 8 : 1));
  if (vectors) {
    conv<8>(queue, params, blocks, runs);
  } else {
    conv<1>(queue, params, blocks, runs);
  }
}

// ---- selective scan -------------------------------------------------------------------------------------------------

namespace {

using ScanKernel = void (*)(ScanParams);

// A kernel for many rows and what it is launched with.
struct ChunkKernel {
  ScanKernel kernel;
  int channels, threads;
  int64_t shared_bytes;
};

template <class T, int kLanes, int kChannels>
ChunkKernel chunk_kernel() {
  using Chunk = ScanChunk<T, kLanes, kChannels>;
  return {scan_chunk<T, kLanes, kChannels>, kChannels, Chunk::kThreads, Chunk::kSharedBytes};
}

// The same bits come from all of them; what differs is how well they fill the card.
template <class T>
ChunkKernel choose_chunk_kernel(const DeviceProperties& card, int64_t inner, int sequences) {
  if constexpr (sizeof(T) == 4) {  // its tiles are twice as large
    return chunk_kernel<T, 8, 32>();
  } else {
    // Many sequences fill the card with 4 lanes per channel, which issue a quarter fewer instructions.
    if (sequences > 3) {
      const ChunkKernel wide = chunk_kernel<T, 4, 64>();
      return wide.shared_bytes <= card.shared_bytes_per_block ? wide : chunk_kernel<T, 4, 48>();
    }
    // Few: 8 lanes, and as many channels as make about one block for each multiprocessor.
    return ceil_div(inner, 40) <= card.multiprocessors ? chunk_kernel<T, 8, 40>() : chunk_kernel<T, 8, 48>();
  }
}

ChunkKernel choose_chunk_kernel(sy_dtype dtype, const DeviceProperties& card, int64_t inner, int sequences) {
  switch (dtype) {
    case SY_F32:
      return choose_chunk_kernel<float>(card, inner, sequences);
    case SY_F16:
      return choose_chunk_kernel<f16>(card, inner, sequences);
    default:
      return choose_chunk_kernel<bf16>(card, inner, sequences);
  }
}

// Whether the kernel for many rows takes these: 16 states, one storage type, rows of whole 16-byte pieces.
bool in_chunks(const sy_selective_scan_args& args) {
  if (args.a->rows != 16) return false;
  for (const sy_tensor* tensor : {args.x, args.delta, args.b, args.c, args.z, static_cast<const sy_tensor*>(args.y)}) {
    if (tensor != nullptr && (tensor->dtype != args.x->dtype || !in_vectors(tensor))) return false;
  }
  return true;
}

void scan_rows_of(Queue& queue, ScanParams params, int sequences) {
  params.tiles = static_cast<int32_t>(ceil_div(params.inner, kScanRowChannels));
  int64_t shared_bytes = kScanRowSums;
  if (params.states != 16) {
    const int64_t with_states = kScanRowSums + int64_t{params.states} * kScanRowChannels * 4;
    params.states_in_shared = with_states <= queue.properties().shared_bytes_per_block;
    if (params.states_in_shared) shared_bytes = with_states;
  }
  queue.launch(params.states == 16 ? scan_rows<16> : scan_rows<0>, int64_t{sequences} * params.tiles, kScanRowThreads,
               shared_bytes, params);
}

}  // namespace

void selective_scan(Queue& queue, const sy_selective_scan_args& args) {
  const sy_batch& batch = *args.batch;
  ScanParams params{};
  params.x = view_of(args.x);
  params.delta = view_of(args.delta);
  params.b = view_of(args.b);
  params.c = view_of(args.c);
  params.z = view_of(args.z);
  params.y = view_of(args.y);
  params.y_ungated = view_of(args.y_ungated);
  params.delta_bias = floats_of(args.delta_bias);
  params.a = floats_of(args.a);
  params.a_stride = args.a->stride;
  params.d = floats_of(args.d);
  params.state = floats_of(args.state);
  params.state_stride = args.state->stride;
  params.seq_start = queue.input(batch.seq_start, batch.sequences + 1);
  params.slot = queue.input(batch.slot, batch.sequences);
  params.position = queue.input(batch.position, batch.sequences);
  params.inner = args.x->cols;
  params.states = static_cast<int32_t>(args.a->rows);
  params.shortest = 1;
  params.longest = INT_MAX;

  // By its own length a sequence goes to the kernel for many rows or to the one for few; seq_start does not change
  // while a graph lives.
  int many = 0;
  for (int s = 0; s < batch.sequences; ++s) many += batch.seq_start[s + 1] - batch.seq_start[s] >= kScanChunkRows;
  if (many == 0 || !in_chunks(args)) {
    scan_rows_of(queue, params, batch.sequences);
    return;
  }
  ScanParams chunks = params;
  const ChunkKernel chunk = choose_chunk_kernel(args.x->dtype, queue.properties(), params.inner, many);
  chunks.shortest = kScanChunkRows;
  chunks.tiles = static_cast<int32_t>(ceil_div(params.inner, chunk.channels));
  queue.launch(chunk.kernel, int64_t{batch.sequences} * chunks.tiles, chunk.threads, chunk.shared_bytes, chunks);
  if (many < batch.sequences) {
    params.longest = kScanChunkRows - 1;
    scan_rows_of(queue, params, batch.sequences);
  }
}

}  // namespace sambay::cuda
