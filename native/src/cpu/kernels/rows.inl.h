// Rows of any storage type, seen as f32.

inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t a, int64_t multiple) { return ceil_div(a, multiple) * multiple; }

inline char* element(const sy_tensor& tensor, int64_t row, int64_t column) {
  return static_cast<char*>(tensor.data) + (row * tensor.stride + column) * element_size(tensor.dtype);
}

inline float* f32_row(const sy_tensor& tensor, int64_t row) {
  return reinterpret_cast<float*>(element(tensor, row, 0));
}

template <class From, class To>
void convert(const From* from, To* to, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, load(from + i));
  if (i < n) store(to + i, load(from + i, n - i), n - i);
}

// to[0 .. n - 1] = n elements at `from`.
inline void widen(const void* from, sy_dtype dtype, float* to, int64_t n) {
  with_storage(dtype, [&](auto type) { convert(static_cast<const typename decltype(type)::type*>(from), to, n); });
}

// n elements at `to` = from[0 .. n - 1], rounded to nearest even.
inline void narrow(const float* from, void* to, sy_dtype dtype, int64_t n) {
  with_storage(dtype, [&](auto type) { convert(from, static_cast<typename decltype(type)::type*>(to), n); });
}

// Part of a row for reading: the tensor's own memory if that is f32, else a copy in `place`.
inline const float* read_row(const sy_tensor& tensor, int64_t row, int64_t column, int64_t n, float* place) {
  const char* from = element(tensor, row, column);
  if (tensor.dtype == SY_F32) return reinterpret_cast<const float*>(from);
  widen(from, tensor.dtype, place, n);
  return place;
}

// Part of a row for writing: the tensor's own memory if that is f32, else `place`. Ends with write_row.
inline float* row_to_write(const sy_tensor& tensor, int64_t row, int64_t column, float* place) {
  return tensor.dtype == SY_F32 ? reinterpret_cast<float*>(element(tensor, row, column)) : place;
}
inline void write_row(const sy_tensor& tensor, int64_t row, int64_t column, int64_t n, const float* written) {
  if (tensor.dtype != SY_F32) narrow(written, element(tensor, row, column), tensor.dtype, n);
}

// Calls body(i, n) for the vectors of a row: lanes i .. i + n - 1, n = kLanes for all but the last.
template <class Body>
void for_each_vector(int64_t columns, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= columns; i += kLanes) body(i, int64_t{kLanes});
  if (i < columns) body(i, columns - i);
}

// The same two vectors at a time: n = 2 * kLanes for all but the last.
template <class Body>
void for_each_pair_of_vectors(int64_t columns, Body body) {
  int64_t i = 0;
  for (; i + 2 * kLanes <= columns; i += 2 * kLanes) body(i, int64_t{2 * kLanes});
  if (i < columns) body(i, columns - i);
}

// Pairs of the first n <= 2 * kLanes elements, zeros after them; fewer than 2 * kLanes are loaded in order.
template <class T>
[[gnu::always_inline]] inline void load_pairs(const T* from, int64_t n, Vec& even, Vec& odd) {
  if (n == 2 * kLanes) return load_pairs(from, even, odd);
  even = load(from, n);
  odd = load(from + kLanes, n - kLanes);
}

// The sum of term(x) over a row, in two chains.
template <class Term>
float sum(const float* x, int64_t n, Term term) {
  Vec even = zero(), odd = zero();
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    even = even + term(load(x + i));
    odd = odd + term(load(x + i + kLanes));
  }
  for (; i < n; i += kLanes) even = even + keep_first(term(load(x + i, n - i)), n - i);
  return reduce_add(even + odd);
}

// The sequence that owns a row of the batch.
inline int32_t sequence_of(const sy_batch& batch, int64_t row) {
  int32_t first = 0, last = batch.sequences - 1;
  while (first < last) {
    const int32_t middle = first + (last - first) / 2;
    if (row < batch.seq_start[middle + 1]) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

inline float* float_scratch(Pool& pool, int thread, int64_t floats) {
  return static_cast<float*>(pool.scratch(thread, floats * static_cast<int64_t>(sizeof(float))));
}
