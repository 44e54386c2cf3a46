// kv_append, kv_read.
#include "cuda/kernels/kv_rows.cuh"
#include "cuda/ops.h"
#include "cuda/views.h"

namespace sambay::cuda {
namespace {

using attend::KvRowsParams;

constexpr int kThreads = 128;

KvRowsParams params_of(const sy_tensor& k, const sy_tensor& v, const sy_kv& kv) {
  KvRowsParams p{};
  p.rows[0] = view_of(k);
  p.rows[1] = view_of(v);
  p.cache[0] = view_of(kv.keys);
  p.cache[1] = view_of(kv.values);
  p.columns = k.cols;
  p.in_vectors = in_vectors(&k) && in_vectors(&v) && in_vectors(&kv.keys) && in_vectors(&kv.values);
  p.block_tokens = kv.block_tokens;
  p.table_cols = kv.table_cols;
  p.blocks = static_cast<int32_t>(kv.keys.rows / kv.block_tokens);
  return p;
}

}  // namespace

void kv_append(Queue& queue, const sy_kv_append_args& args) {
  const sy_batch& batch = *args.batch;
  KvRowsParams p = params_of(*args.k, *args.v, *args.kv);
  p.table = queue.input(args.kv->table, int64_t{batch.sequences} * p.table_cols);
  p.seq_start = queue.input(batch.seq_start, int64_t{batch.sequences} + 1);
  p.position = queue.input(batch.position, batch.sequences);
  p.sequences = batch.sequences;
  queue.launch(attend::kv_append_rows, {args.k->rows, 2}, {kThreads}, 0, p);
}

void kv_read(Queue& queue, const sy_kv_read_args& args) {
  KvRowsParams p = params_of(*args.k, *args.v, *args.kv);
  p.table = queue.input(args.kv->table + int64_t{args.sequence} * p.table_cols, p.table_cols);
  p.first = args.first;
  queue.launch(attend::kv_read_rows, {args.k->rows, 2}, {kThreads}, 0, p);
}

}  // namespace sambay::cuda
