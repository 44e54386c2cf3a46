// Products of f32 matrices in the first two caches: y [rows, columns] = a [rows, depth] b [depth, columns], or y +=.

// R rows and the columns of C vectors.
template <bool kAdd, int R, int C>
void product_tile(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t depth, float* y,
                  int64_t y_stride) {
  Vec sum[R][C];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) sum[r][c] = kAdd ? load(y + r * y_stride + c * kLanes) : zero();
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

template <bool kAdd, int C>
void product_columns(const float* a, int64_t a_stride, int64_t rows, const float* b, int64_t b_stride, int64_t depth,
                     float* y, int64_t y_stride) {
  int64_t r = 0;
  for (; r + kProductRows <= rows; r += kProductRows) {
    product_tile<kAdd, kProductRows, C>(a + r * a_stride, a_stride, b, b_stride, depth, y + r * y_stride, y_stride);
  }
  for (; r < rows; ++r)
    product_tile<kAdd, 1, C>(a + r * a_stride, a_stride, b, b_stride, depth, y + r * y_stride, y_stride);
}

// columns: whole vectors.
template <bool kAdd>
void product(const float* a, int64_t a_stride, int64_t rows, const float* b, int64_t b_stride, int64_t depth, float* y,
             int64_t y_stride, int64_t columns) {
  constexpr int64_t kWide = kProductVectors * kLanes;
  int64_t i = 0;
  for (; i + kWide <= columns; i += kWide)
    product_columns<kAdd, kProductVectors>(a, a_stride, rows, b + i, b_stride, depth, y + i, y_stride);
  for (; i < columns; i += kLanes) product_columns<kAdd, 1>(a, a_stride, rows, b + i, b_stride, depth, y + i, y_stride);
}
