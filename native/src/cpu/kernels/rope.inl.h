// rope: one token per task.

inline void rope(Pool& pool, const sy_rope_args& args) {
  const sy_batch& batch = *args.batch;
  const int64_t head_dim = args.head_dim, half = args.cos->cols;
  parallel(pool, args.x->rows, [&](int64_t row, int thread) {
    const int32_t s = sequence_of(batch, row);
    const int64_t position = int64_t{batch.position[s]} + row - batch.seq_start[s];
    const float* cos = f32_row(*args.cos, position);
    const float* sin = f32_row(*args.sin, position);
    float* place = float_scratch(pool, thread, 2 * half);
    for (int64_t column = 0; column < args.x->cols; column += head_dim) {
      const float* x = read_row(*args.x, row, column, 2 * half, place);
      float* y = row_to_write(*args.x, row, column, place);
      for_each_vector(half, [&](int64_t i, int64_t n) {
        const Vec first = load(x + i, n), second = load(x + half + i, n);
        store(y + i, fnma(second, load(sin + i, n), first * load(cos + i, n)), n);
        store(y + half + i, fma(first, load(sin + i, n), second * load(cos + i, n)), n);
      });
      write_row(*args.x, row, column, 2 * half, y);
    }
  });
}
