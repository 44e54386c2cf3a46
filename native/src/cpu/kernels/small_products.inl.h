// The two products attention is made of, for rows that lie scattered in a cache.

// Row j of a matrix stored as T: `column` elements after rows[j].
template <class T>
const T* scattered_row(const void* const* rows, int64_t j, int64_t column) {
  return static_cast<const T*>(rows[j]) + column;
}

// Rows that will be read after the present work. Their cache lines are asked for a few at a time between the steps of
// that work, as many as a step reads itself: a processor drops most of a burst.
struct Upcoming {
  const void* const* rows = nullptr;  // [count]
  int64_t count = 0;
  int64_t bytes = 0;  // of each row
  int64_t row = 0, byte = 0;

  void ask(int64_t lines) {
    for (; lines > 0 && row < count; --lines) {
      __builtin_prefetch(static_cast<const char*>(rows[row]) + byte);
      byte += kCacheLine;
      if (byte >= bytes) {
        byte = 0;
        ++row;
      }
    }
  }
};

// y[r, i] += sum_j a[r, j] * b[j, i] for R rows and the columns of C vectors, `last` of them in the last vector.
template <class T, int R, int C>
void add_product_tile(const float* a, int64_t a_stride, const void* const* b, int64_t column, int64_t depth, float* y,
                      int64_t y_stride, int64_t last, Upcoming& upcoming) {
  constexpr int64_t kLines = ceil_div(C * kLanes * static_cast<int64_t>(sizeof(T)), kCacheLine);
  Vec sum[R][C];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) sum[r][c] = load(y + r * y_stride + c * kLanes);
  }
  for (int64_t j = 0; j < depth; ++j) {
    upcoming.ask(kLines);
    const T* row = scattered_row<T>(b, j, column);
    Vec v[C];
#pragma GCC unroll 16
    for (int c = 0; c + 1 < C; ++c) v[c] = load(row + c * kLanes);
    v[C - 1] = last == kLanes ? load(row + (C - 1) * kLanes) : load(row + (C - 1) * kLanes, last);
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

template <class T, int C>
void add_product_columns(const float* a, int64_t a_stride, int64_t rows, const void* const* b, int64_t column,
                         int64_t depth, float* y, int64_t y_stride, int64_t last, Upcoming& upcoming) {
  int64_t r = 0;
  for (; r + kProductRows <= rows; r += kProductRows) {
    add_product_tile<T, kProductRows, C>(a + r * a_stride, a_stride, b, column, depth, y + r * y_stride, y_stride, last,
                                         upcoming);
  }
  for (; r < rows; ++r) {
    add_product_tile<T, 1, C>(a + r * a_stride, a_stride, b, column, depth, y + r * y_stride, y_stride, last, upcoming);
  }
}

// y [rows, columns] += a [rows, depth] times the scattered rows of b [depth, columns], columns from `column` on. The
// rows of y have room for whole vectors.
template <class T>
void add_product(const float* a, int64_t a_stride, int64_t rows, const void* const* b, int64_t column, int64_t depth,
                 float* y, int64_t y_stride, int64_t columns, Upcoming& upcoming) {
  constexpr int64_t kWide = kProductVectors * kLanes;
  int64_t i = 0;
  for (; i + kWide <= columns; i += kWide) {
    add_product_columns<T, kProductVectors>(a, a_stride, rows, b, column + i, depth, y + i, y_stride, kLanes, upcoming);
  }
  for (; i < columns; i += kLanes) {
    add_product_columns<T, 1>(a, a_stride, rows, b, column + i, depth, y + i, y_stride, min64(kLanes, columns - i),
                              upcoming);
  }
}

// scores[r, j] = q[r] . k[j] for Q rows of q, whose padding is zero, and scattered rows of k from `column` on. A vector
// of sums is made at once: kLanes / Q keys for each row of q. Rows of scores have room for whole vectors.
template <class T, int Q>
void dot_products(const float* q, int64_t q_stride, const void* const* k, int64_t column, int64_t keys, int64_t depth,
                  float* scores, int64_t scores_stride, Upcoming& upcoming) {
  constexpr int kKeys = kLanes / Q;
  const int64_t lines = kKeys * ceil_div(depth * static_cast<int64_t>(sizeof(T)), kCacheLine);
  for (int64_t j = 0; j < keys; j += kKeys) {
    upcoming.ask(lines);
    const T* row[kKeys];
#pragma GCC unroll 16
    for (int i = 0; i < kKeys; ++i) row[i] = scattered_row<T>(k, min64(j + i, keys - 1), column);
    Vec sum[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) sum[i] = zero();
    for_each_vector(depth, [&](int64_t d, int64_t n) {
#pragma GCC unroll 16
      for (int i = 0; i < kKeys; ++i) {
        const Vec key = n == kLanes ? load(row[i] + d) : load(row[i] + d, n);
#pragma GCC unroll 16
        for (int r = 0; r < Q; ++r) sum[r * kKeys + i] = fma(load(q + r * q_stride + d), key, sum[r * kKeys + i]);
      }
    });
    float lanes[kLanes];
    store(lanes, reduce_add_each(sum));
#pragma GCC unroll 16
    for (int r = 0; r < Q; ++r) memcpy(scores + r * scores_stride + j, lanes + r * kKeys, kKeys * sizeof(float));
  }
}

// to [columns, keys rounded up to vectors] = the transpose of scattered rows of k [keys, columns] from `column` on. The
// padding repeats the last key.
template <class T>
void transpose_rows(const void* const* k, int64_t column, int64_t keys, int64_t columns, float* to, int64_t to_stride) {
  for (int64_t j = 0; j < keys; j += kLanes) {
    for_each_vector(columns, [&](int64_t d, int64_t n) {
      Vec square[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) square[i] = load(scattered_row<T>(k, min64(j + i, keys - 1), column) + d, n);
      transpose(square);
      for (int i = 0; i < n; ++i) store(to + (d + i) * to_stride + j, square[i]);
    });
  }
}
