// attention, diff_attention: which kernel takes which rows.
//
// 16-bit keys of the usual widths: rows of sequences with few of them go to the decode kernel, cut by keys; those of
// longer chunks to the tensor cores where q and y have the keys' storage type, else to the decode kernel uncut. All the
// rest is for the general kernel. The choice depends on the shapes and on a sequence's own number of rows alone.
#include <algorithm>

#include "api/error.h"
#include "cuda/kernels/attention_decode.cuh"
#include "cuda/kernels/attention_general.cuh"
#include "cuda/kernels/attention_prefill.cuh"
#include "cuda/ops.h"
#include "cuda/views.h"

namespace sambay::cuda {
namespace {

using attend::AttentionParams;
using attend::DecodeShape;
using attend::PrefillShape;

// Chunks up to this length read their keys once a row instead of once a tile, but spread over the whole card. To be
// measured.
constexpr int32_t kFewRows = 8;
constexpr int32_t kMostSplits = 64;

// The fields that sy_attention_args and sy_diff_attention_args share.
template <class Args>
AttentionParams params_of(Queue& queue, const Args& args, int32_t maps) {
  const sy_batch& batch = *args.batch;
  AttentionParams p{};
  p.seq_start = queue.input(batch.seq_start, int64_t{batch.sequences} + 1);
  p.position = queue.input(batch.position, batch.sequences);
  p.sequences = batch.sequences;
  p.q = view_of(args.q);
  p.y = view_of(args.y);
  p.own_keys = view_of(args.k);
  p.own_values = view_of(args.v);
  p.cached_keys = p.cached_values = View{};
  p.block_tokens = p.table_cols = 1;
  if (args.kv != nullptr) {
    const sy_kv& kv = *args.kv;
    if (kv.keys.rows > INT32_MAX) {
      throw Failure(SY_ERR_UNSUPPORTED, "kv.keys has %lld rows, expected at most 2147483647 on a card",
                    static_cast<long long>(kv.keys.rows));
    }
    p.cached_keys = view_of(&kv.keys);
    p.cached_values = view_of(&kv.values);
    p.table = queue.input(kv.table, int64_t{batch.sequences} * kv.table_cols);
    p.block_tokens = kv.block_tokens;
    p.table_cols = kv.table_cols;
    p.blocks = static_cast<int32_t>(kv.keys.rows / kv.block_tokens);
  }
  p.maps = maps;
  p.groups = args.kv_heads / maps;
  p.queries = args.heads / args.kv_heads;
  p.head_dim = args.head_dim;
  p.window = args.window;
  p.scale = args.scale;
  p.fewest_rows = 1;
  p.most_rows = INT32_MAX;
  return p;
}

// The storage type of all keys and values there are, or f32 where they differ or cannot be read 16 bytes at a time.
template <class Args>
sy_dtype common_storage(const Args& args) {
  const sy_tensor* const all[] = {args.k, args.v, args.kv == nullptr ? nullptr : &args.kv->keys,
                                  args.kv == nullptr ? nullptr : &args.kv->values};
  sy_dtype common = -1;
  for (const sy_tensor* tensor : all) {
    if (tensor == nullptr) continue;
    if (!in_vectors(tensor) || (common != -1 && common != tensor->dtype)) return SY_F32;
    common = tensor->dtype;
  }
  return common;
}

template <int kMaps>
void launch_general(Queue& queue, const AttentionParams& p, int64_t rows) {
  const int64_t shared = attend::general_shared_bytes(kMaps, int64_t{p.head_dim} * kMaps);
  if (shared > queue.properties().shared_bytes_per_block) {
    throw Failure(SY_ERR_UNSUPPORTED, "head_dim is %d, which needs %lld bytes of shared memory; this card has %lld",
                  p.head_dim, static_cast<long long>(shared),
                  static_cast<long long>(queue.properties().shared_bytes_per_block));
  }
  queue.launch(attend::attention_general<kMaps>, {rows, int64_t{p.groups} * p.queries}, {attend::kGeneralThreads},
               shared, p);
}

// Of the sequences with fewest_rows to most_rows rows: how many there are, and the rows of the longest.
struct Extent {
  int64_t sequences = 0, longest = 0;
};
Extent extent(const sy_batch& batch, int32_t fewest, int32_t most) {
  Extent all;
  for (int32_t s = 0; s < batch.sequences; ++s) {
    const int64_t rows = int64_t{batch.seq_start[s + 1]} - batch.seq_start[s];
    if (rows < fewest || rows > most) continue;
    ++all.sequences;
    all.longest = std::max(all.longest, rows);
  }
  return all;
}

// Rows of the sequences within p.fewest_rows .. p.most_rows, one by one, their keys cut over several blocks if `cut`.
template <class T, int kMaps, int kWidth, int kQueries>
void launch_decode(Queue& queue, AttentionParams p, int64_t longest, bool cut) {
  using Shape = DecodeShape<kMaps, kWidth, kQueries>;
  p.query_blocks = p.queries / kQueries;
  p.row_slots = static_cast<int32_t>(longest);
  const int64_t slots = p.sequences * longest, units = int64_t{p.groups} * p.query_blocks;
  p.splits = 1;
  if (cut) {
    // As many blocks as run at once, were the row alone; a window has no use for more than it has tiles.
    const DeviceProperties& card = queue.properties();
    const int64_t blocks_at_once =
        std::clamp<int64_t>(card.shared_bytes_per_multiprocessor / (Shape::kSharedBytes + 1024), 1, 2);
    int64_t splits = std::clamp<int64_t>(blocks_at_once * card.multiprocessors / units, 1, kMostSplits);
    if (p.window != 0) {
      const int64_t tiles = (int64_t{p.window} + Shape::kTile - 2) / Shape::kTile + 1;
      splits = std::min(splits, (tiles + attend::kTilesPerSplit - 1) / attend::kTilesPerSplit);
    }
    p.splits = static_cast<int32_t>(splits);
  }
  if (p.splits > 1) {
    p.partials = queue.scratch_of<float>(slots * units * p.splits * Shape::kPartialFloats);
    p.counters = queue.counters(slots * units);
  }
  queue.launch(attend::attention_decode<T, kMaps, kWidth, kQueries>, {slots * p.splits, units}, {Shape::kThreads},
               Shape::kSharedBytes, p);
}

template <class T>
void launch_decode(Queue& queue, const AttentionParams& p, int64_t longest, bool cut) {
  const int32_t n = p.queries;
  if (p.maps == 2) {
    return n % 2 == 0 ? launch_decode<T, 2, 128, 2>(queue, p, longest, cut)
                      : launch_decode<T, 2, 128, 1>(queue, p, longest, cut);
  }
  if (p.head_dim == 128) {
    return n % 4 == 0   ? launch_decode<T, 1, 128, 4>(queue, p, longest, cut)
           : n % 3 == 0 ? launch_decode<T, 1, 128, 3>(queue, p, longest, cut)
                        : launch_decode<T, 1, 128, 1>(queue, p, longest, cut);
  }
  return n % 4 == 0   ? launch_decode<T, 1, 64, 4>(queue, p, longest, cut)
         : n % 2 == 0 ? launch_decode<T, 1, 64, 2>(queue, p, longest, cut)
                      : launch_decode<T, 1, 64, 1>(queue, p, longest, cut);
}

template <class T, int kMaps, int kHeadDim, int kRowTiles>
void launch_prefill(Queue& queue, const sy_batch& batch, const AttentionParams& p) {
  using Shape = PrefillShape<kMaps, kHeadDim, kRowTiles>;
  const int64_t rows_per_tile = Shape::kRows / p.queries;
  int64_t tiles = 0;
  for (int32_t s = 0; s < batch.sequences; ++s) {
    const int64_t rows = int64_t{batch.seq_start[s + 1]} - batch.seq_start[s];
    if (rows >= p.fewest_rows) tiles += (rows + rows_per_tile - 1) / rows_per_tile;
  }
  queue.launch(attend::attention_prefill<T, kMaps, kHeadDim, kRowTiles>, {tiles, p.groups}, {Shape::kThreads},
               Shape::kSharedBytes, p);
}

template <class T>
void launch_prefill(Queue& queue, const sy_batch& batch, const AttentionParams& p) {
  if (p.maps == 2) return launch_prefill<T, 2, 64, 2>(queue, batch, p);
  if (p.head_dim == 128) return launch_prefill<T, 1, 128, 1>(queue, batch, p);
  return launch_prefill<T, 1, 64, 2>(queue, batch, p);
}

template <class T>
void launch_fast(Queue& queue, const sy_batch& batch, AttentionParams p, bool tensor_cores) {
  p.fewest_rows = 1;
  p.most_rows = kFewRows;
  if (const Extent few = extent(batch, p.fewest_rows, p.most_rows); few.sequences > 0) {
    launch_decode<T>(queue, p, few.longest, true);
  }
  p.fewest_rows = kFewRows + 1;
  p.most_rows = INT32_MAX;
  if (const Extent many = extent(batch, p.fewest_rows, p.most_rows); many.sequences > 0) {
    if (tensor_cores) {
      launch_prefill<T>(queue, batch, p);
    } else {
      launch_decode<T>(queue, p, many.longest, false);
    }
  }
}

template <int kMaps, class Args>
void attend_rows(Queue& queue, const Args& args, const AttentionParams& p) {
  const sy_dtype storage = common_storage(args);
  const bool width = p.head_dim == 64 || (kMaps == 1 && p.head_dim == 128);
  if (storage == SY_F32 || !width || !in_vectors(args.q)) return launch_general<kMaps>(queue, p, args.q->rows);
  // The tensor cores round probabilities to the storage type, which only a result of that type hides.
  const bool tensor_cores = args.q->dtype == storage && args.y->dtype == storage && in_vectors(args.y) &&
                            p.queries <= 128 && p.scale > 0 &&
                            (kMaps == 1 || reinterpret_cast<uintptr_t>(p.subln_weight) % 8 == 0);
  if (storage == SY_BF16) {
    launch_fast<bf16>(queue, *args.batch, p, tensor_cores);
  } else {
    launch_fast<f16>(queue, *args.batch, p, tensor_cores);
  }
}

}  // namespace

void attention(Queue& queue, const sy_attention_args& args) { attend_rows<1>(queue, args, params_of(queue, args, 1)); }

void diff_attention(Queue& queue, const sy_diff_attention_args& args) {
  AttentionParams p = params_of(queue, args, 2);
  p.subln_weight = floats_of(args.subln_weight);
  p.lambda = args.lambda;
  p.out_scale = args.out_scale;
  p.eps = args.eps;
  attend_rows<2>(queue, args, p);
}

}  // namespace sambay::cuda
