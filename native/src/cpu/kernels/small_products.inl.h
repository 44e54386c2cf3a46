// y [rows, columns] += a [rows, depth] b [depth, columns], f32 matrices in the first two caches.

// R rows and the columns of C vectors.
template <int R, int C>
void add_product_tile(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t depth, float* y,
                      int64_t y_stride) {
  Vec sum[R][C];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) sum[r][c] = load(y + r * y_stride + c * kLanes);
  }
  for (int64_t j = 0; j < depth; ++j) {
    Vec v[C];
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) v[c] = load(b + j * b_stride + c * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vec factor = set(a[r * a_stride + j]);
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) sum[r][c] = fma(factor, v[c], sum[r][c]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) store(y + r * y_stride + c * kLanes, sum[r][c]);
  }
}

template <int C>
void add_product_columns(const float* a, int64_t a_stride, int64_t rows, const float* b, int64_t b_stride,
                         int64_t depth, float* y, int64_t y_stride) {
  int64_t r = 0;
  for (; r + kProductRows <= rows; r += kProductRows) {
    add_product_tile<kProductRows, C>(a + r * a_stride, a_stride, b, b_stride, depth, y + r * y_stride, y_stride);
  }
  for (; r < rows; ++r)
    add_product_tile<1, C>(a + r * a_stride, a_stride, b, b_stride, depth, y + r * y_stride, y_stride);
}

// columns: whole vectors.
inline void add_product(const float* a, int64_t a_stride, int64_t rows, const float* b, int64_t b_stride, int64_t depth,
                        float* y, int64_t y_stride, int64_t columns) {
  constexpr int64_t kWide = kProductVectors * kLanes;
  int64_t i = 0;
  for (; i + kWide <= columns; i += kWide)
    add_product_columns<kProductVectors>(a, a_stride, rows, b + i, b_stride, depth, y + i, y_stride);
  for (; i < columns; i += kLanes) add_product_columns<1>(a, a_stride, rows, b + i, b_stride, depth, y + i, y_stride);
}
