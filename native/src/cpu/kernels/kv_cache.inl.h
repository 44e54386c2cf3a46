// kv_append, kv_read, and where a key lies.

// The row of a sequence's position in the cache, by the formula of sy_kv.
inline int64_t kv_row(const sy_kv& kv, int64_t sequence, int64_t position) {
  const int64_t block = position / kv.block_tokens % kv.table_cols;
  return int64_t{kv.table[sequence * kv.table_cols + block]} * kv.block_tokens + position % kv.block_tokens;
}

// Row `to_row` of `to` = row `from_row` of `from`, converting the storage type.
inline void copy_row(const sy_tensor& from, int64_t from_row, const sy_tensor& to, int64_t to_row, float* place) {
  const char* source = element(from, from_row, 0);
  char* target = element(to, to_row, 0);
  if (from.dtype == to.dtype) {
    memcpy(target, source, static_cast<size_t>(from.cols * element_size(from.dtype)));
  } else if (to.dtype == SY_F32) {
    widen(source, from.dtype, reinterpret_cast<float*>(target), from.cols);
  } else {
    narrow(read_row(from, from_row, 0, from.cols, place), target, to.dtype, from.cols);
  }
}

inline void kv_append(Pool& pool, const sy_kv_append_args& args) {
  const sy_batch& batch = *args.batch;
  const sy_kv& kv = *args.kv;
  const int64_t capacity = int64_t{kv.block_tokens} * kv.table_cols;
  parallel(pool, args.k->rows, [&](int64_t row, int thread) {
    const int32_t s = sequence_of(batch, row);
    if (row < batch.seq_start[s + 1] - capacity) return;  // a later row takes its place
    float* place = float_scratch(pool, thread, args.k->cols);
    const int64_t to = kv_row(kv, s, int64_t{batch.position[s]} + row - batch.seq_start[s]);
    copy_row(*args.k, row, kv.keys, to, place);
    copy_row(*args.v, row, kv.values, to, place);
  });
}

inline void kv_read(Pool& pool, const sy_kv_read_args& args) {
  parallel(pool, args.k->rows, [&](int64_t row, int thread) {
    float* place = float_scratch(pool, thread, args.k->cols);
    const int64_t from = kv_row(*args.kv, args.sequence, int64_t{args.first} + row);
    copy_row(args.kv->keys, from, *args.k, row, place);
    copy_row(args.kv->values, from, *args.v, row, place);
  });
}
