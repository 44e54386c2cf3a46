// kv_append, kv_read, and where a key lies.

// How the rows of a block of the cache lie, in elements from its first. Memory is fast when it is read in order, and
// attention of a decode step reads one KV head, or one KV pair, at a time: so kKvStrip columns of all rows of a block
// lie together, [columns / kKvStrip][block_tokens][kKvStrip]. Rows that are not whole strips, or have gaps between
// them, stay as they are.
struct KvLayout {
  int64_t width;  // columns of a strip
  int64_t strip;  // from one strip to the next
  int64_t row;    // from one row to the next

  int64_t offset(int64_t column) const { return column / width * strip + column % width; }
  // How many columns lie side by side from this one on.
  int64_t run(int64_t column) const { return width - column % width; }
};

inline KvLayout kv_layout(const sy_tensor& rows, int64_t block_tokens) {
  const bool strips = rows.stride == rows.cols && rows.cols % kKvStrip == 0;
  return strips ? KvLayout{kKvStrip, block_tokens * kKvStrip, kKvStrip} : KvLayout{rows.cols, 0, rows.stride};
}

// Where a column of a sequence's position lies in one of the cache's two tensors, by the formula of sy_kv.
inline char* kv_element(const sy_kv& kv, const sy_tensor& rows, const KvLayout& layout, int64_t sequence,
                        int64_t position, int64_t column) {
  const int64_t index = position / kv.block_tokens % kv.table_cols;
  const int64_t block = kv.table[sequence * kv.table_cols + index];
  return element(rows, block * kv.block_tokens, 0) +
         (position % kv.block_tokens * layout.row + layout.offset(column)) * element_size(rows.dtype);
}

// n elements, converting the storage type.
inline void copy_elements(const char* from, sy_dtype from_dtype, char* to, sy_dtype to_dtype, int64_t n, float* place) {
  if (from_dtype == to_dtype) {
    memcpy(to, from, static_cast<size_t>(n * element_size(from_dtype)));
  } else if (to_dtype == SY_F32) {
    widen(from, from_dtype, reinterpret_cast<float*>(to), n);
  } else if (from_dtype == SY_F32) {
    narrow(reinterpret_cast<const float*>(from), to, to_dtype, n);
  } else {
    widen(from, from_dtype, place, n);
    narrow(place, to, to_dtype, n);
  }
}

// visit(at, column, n) for the pieces of a cached row.
template <class Visit>
void for_each_piece(const sy_kv& kv, const sy_tensor& rows, int64_t sequence, int64_t position, Visit visit) {
  const KvLayout layout = kv_layout(rows, kv.block_tokens);
  for (int64_t column = 0; column < rows.cols; column += layout.width) {
    visit(kv_element(kv, rows, layout, sequence, position, column), column, layout.width);
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
    const int64_t position = int64_t{batch.position[s]} + row - batch.seq_start[s];
    const auto append = [&](const sy_tensor& from, const sy_tensor& to) {
      for_each_piece(kv, to, s, position, [&](char* at, int64_t column, int64_t n) {
        copy_elements(element(from, row, column), from.dtype, at, to.dtype, n, place);
      });
    };
    append(*args.k, kv.keys);
    append(*args.v, kv.values);
  });
}

inline void kv_read(Pool& pool, const sy_kv_read_args& args) {
  parallel(pool, args.k->rows, [&](int64_t row, int thread) {
    float* place = float_scratch(pool, thread, args.k->cols);
    const auto read = [&](const sy_tensor& from, const sy_tensor& to) {
      for_each_piece(*args.kv, from, args.sequence, int64_t{args.first} + row,
                     [&](const char* at, int64_t column, int64_t n) {
                       copy_elements(at, from.dtype, element(to, row, column), to.dtype, n, place);
                     });
    };
    read(args.kv->keys, *args.k);
    read(args.kv->values, *args.v);
  });
}
