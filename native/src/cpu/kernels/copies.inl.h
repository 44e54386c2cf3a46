// copy, zero, gather_rows, embedding: operations that only move rows.

// body(first, end, thread) for pieces of 0 .. rows - 1 that are worth a task each.
template <class Body>
void parallel_rows(Pool& pool, int64_t rows, int64_t row_bytes, Body body) {
  const int64_t rows_per_task = max64(1, (64 << 10) / row_bytes);
  parallel(pool, ceil_div(rows, rows_per_task), [&](int64_t task, int thread) {
    for (int64_t row = task * rows_per_task; row < min64(rows, (task + 1) * rows_per_task); ++row) body(row, thread);
  });
}

inline int64_t row_bytes(const sy_tensor& tensor) { return tensor.cols * element_size(tensor.dtype); }

inline void copy(Pool& pool, const sy_tensor& from, const sy_tensor& to) {
  parallel_rows(pool, to.rows, row_bytes(to), [&](int64_t row, int thread) {
    copy_elements(element(from, row, 0), from.dtype, element(to, row, 0), to.dtype, from.cols,
                  float_scratch(pool, thread, from.cols));
  });
}

inline void zero_rows(Pool& pool, const sy_tensor& tensor) {
  parallel_rows(pool, tensor.rows, row_bytes(tensor),
                [&](int64_t row, int) { memset(element(tensor, row, 0), 0, static_cast<size_t>(row_bytes(tensor))); });
}

inline void gather_rows(Pool& pool, const sy_gather_rows_args& args) {
  parallel_rows(pool, args.y->rows, row_bytes(*args.y), [&](int64_t row, int) {
    memcpy(element(*args.y, row, 0), element(*args.x, args.rows[row], 0), static_cast<size_t>(row_bytes(*args.y)));
  });
}

inline void embedding(Pool& pool, const sy_embedding_args& args) {
  const sy_tensor& y = *args.y;
  parallel(pool, y.rows, [&](int64_t token, int thread) {
    float* row = row_to_write(y, token, 0, float_scratch(pool, thread, y.cols));
    const CpuWeight& table = cpu_weight(args.table);
    if (is_quantized(table.storage)) {
      unpack_quantized_row(table, args.ids[token], row);
    } else {
      with_storage(table.storage,
                   [&](auto type) { unpack_row<typename decltype(type)::type>(table, args.ids[token], row); });
    }
    write_row(y, token, 0, y.cols, row);
  });
}
