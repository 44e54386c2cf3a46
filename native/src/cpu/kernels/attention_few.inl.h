// Attention of few rows: a decode step. It is as fast as it reads the cache, and memory is fast only when read in
// order. So it walks through whole rows of keys, a few rows at a time and all groups of the work, then through the same
// rows of values, and asks for the rows that come kAheadRows later as it goes.
//
// Queries and sums are kept in pair order, that of load_pairs: of every 2 * kLanes features the even ones, then the
// odd.

// A block of consecutive keys from one source, its values, and the rows that will be read after those.
struct KeyBlock {
  const void* rows[2 * kKeyBlock + kAheadRows];  // keys [count], values [count], what follows [kAheadRows]
  sy_dtype key_dtype, value_dtype;
  int64_t position;  // of the first key
  int64_t count;
};

// The block that begins at `position`; none is left where its count is 0.
inline void find_keys(const AttentionView& view, const AttentionWork& work, int64_t position, KeyBlock& block) {
  const int64_t fresh = first_fresh(view, work);
  const bool cached = position < fresh;
  block.position = position;
  block.count = max64(0, min64(kKeyBlock, (cached ? min64(fresh, work.end_key) : work.end_key) - position));
  if (block.count == 0) return;
  const sy_tensor& keys = cached ? view.kv->keys : *view.k;
  const sy_tensor& values = cached ? view.kv->values : *view.v;
  block.key_dtype = keys.dtype;
  block.value_dtype = values.dtype;
  const void** next = block.rows;
  find_rows(view, work, keys, cached, position, block.count, next);
  find_rows(view, work, values, cached, position, block.count, next += block.count);
  next += block.count;
  // The keys of the next block; of another source only its first rows matter, and there are few of them.
  const int64_t following =
      max64(0, min64(kAheadRows, (cached ? min64(fresh, work.end_key) : work.end_key) - position - block.count));
  if (following > 0) find_rows(view, work, keys, cached, position + block.count, following, next);
  for (int64_t i = following; i < kAheadRows; ++i) next[i] = next[i - 1];
}

// Asks for the cache lines of 2 * kLanes elements. One at a time between the steps of other work: a processor drops
// most of a burst. (Inlined by force, like load_pairs: the compiler's limit on growth would leave calls in the
// innermost loops.)
template <class T>
[[gnu::always_inline]] inline void ask_for(const T* from) {
  constexpr int64_t kBytes = 2 * kLanes * static_cast<int64_t>(sizeof(T));
  for (int64_t byte = 0; byte < kBytes; byte += kCacheLine) {
    __builtin_prefetch(reinterpret_cast<const char*>(from) + byte);
  }
}

// scores[r, j] = q[r] . k[j] for Q rows of q and kLanes / Q keys, of which one vector of sums is made at once.
// Asks for the same columns of the keys kAheadRows later as it goes.
template <class T, int Q>
[[gnu::noinline]] void dot_products(const float* q, int64_t q_stride, const void* const* keys, int64_t column,
                                    int64_t depth, float* scores) {
  constexpr int kKeys = kLanes / Q;
  const T* row[kKeys];
#pragma GCC unroll 16
  for (int i = 0; i < kKeys; ++i) row[i] = static_cast<const T*>(keys[i]) + column;
  Vec sum[Q][kKeys];
#pragma GCC unroll 16
  for (int r = 0; r < Q; ++r) {
#pragma GCC unroll 16
    for (int i = 0; i < kKeys; ++i) sum[r][i] = zero();
  }
  for (int64_t d = 0; d < depth; d += 2 * kLanes) {
    Vec q_even[Q], q_odd[Q];
#pragma GCC unroll 16
    for (int r = 0; r < Q; ++r) {
      q_even[r] = load(q + r * q_stride + d);
      q_odd[r] = load(q + r * q_stride + d + kLanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kKeys; ++i) {
      Vec even, odd;
      ask_for(static_cast<const T*>(keys[i + kAheadRows]) + column + d);
      load_pairs(row[i] + d, min64(2 * kLanes, depth - d), even, odd);
#pragma GCC unroll 16
      for (int r = 0; r < Q; ++r) sum[r][i] = fma(q_odd[r], odd, fma(q_even[r], even, sum[r][i]));
    }
  }
  Vec sums[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) sums[i] = sum[i / kKeys][i % kKeys];
  float lanes[kLanes];
  store(lanes, reduce_add_each(sums));
#pragma GCC unroll 16
  for (int r = 0; r < Q; ++r) memcpy(scores + r * kKeyBlock, lanes + r * kKeys, kKeys * sizeof(float));
}

// sums[r, i] += sum_j p[r, j] * v[j, i] for R rows, some keys, and the columns of C pairs of vectors, `last` of them in
// the last pair.
// Asks for the same columns of the values kAheadRows later as it goes.
template <class T, int R, int C>
[[gnu::noinline]] void add_values(const float* p, const void* const* values, int64_t column, int64_t count, float* sums,
                                  int64_t stride, int64_t last) {
  Vec sum[R][2 * C];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < 2 * C; ++c) sum[r][c] = load(sums + r * stride + c * kLanes);
  }
#pragma GCC unroll 1
  for (int64_t j = 0; j < count; ++j) {
    const T* row = static_cast<const T*>(values[j]) + column;
    const T* later = static_cast<const T*>(values[j + kAheadRows]) + column;
    Vec v[2 * C];
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      ask_for(later + c * 2 * kLanes);
      load_pairs(row + c * 2 * kLanes, c + 1 < C ? 2 * kLanes : last, v[2 * c], v[2 * c + 1]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vec factor = set(p[r * kKeyBlock + j]);
#pragma GCC unroll 16
      for (int c = 0; c < 2 * C; ++c) sum[r][c] = fma(factor, v[c], sum[r][c]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < 2 * C; ++c) store(sums + r * stride + c * kLanes, sum[r][c]);
  }
}

// The same for any number of columns.
template <class T, int R>
void add_values(const float* p, const void* const* values, int64_t column, int64_t columns, int64_t count, float* sums,
                int64_t stride) {
  constexpr int kPairs = kProductVectors / 2;
  constexpr int64_t kWide = kPairs * 2 * kLanes;
  int64_t i = 0;
  for (; i + kWide <= columns; i += kWide) {
    add_values<T, R, kPairs>(p, values, column + i, count, sums + i, stride, 2 * kLanes);
  }
  for (; i < columns; i += 2 * kLanes) {
    add_values<T, R, 1>(p, values, column + i, count, sums + i, stride, min64(2 * kLanes, columns - i));
  }
}

// Memory of one task.
struct PlaceOfFew {
  float* q;             // [groups, maps * rows, padded_head] in pair order, scaled
  float* scores;        // [groups, maps * rows, kKeyBlock], then probabilities
  float* accumulators;  // one per group
};

inline int64_t floats_of_few(const AttentionView& view, int64_t groups, int64_t rows) {
  return groups * (rows * (view.padded_head() + kKeyBlock) + accumulator_floats(view, rows));
}

inline PlaceOfFew place_of_few(float* memory, const AttentionView& view, int64_t groups, int64_t rows) {
  float* scores = memory + groups * rows * view.padded_head();
  return {memory, scores, scores + groups * rows * kKeyBlock};
}

template <class T>
void score_keys(const AttentionView& view, const AttentionWork& work, const PlaceOfFew& place, const KeyBlock& block) {
  constexpr int kPair = kLanes > 1 ? 2 : 1;
  const int64_t rows = work.rows * view.queries, padded = view.padded_head();
  const int64_t step = rows > 1 ? kLanes / kPair : kLanes;
  for (int64_t j = 0; j < block.count; j += step) {
    const void* const* keys = block.rows + j;
    const void* repeated[kLanes + kAheadRows];
    if (j + step > block.count) {  // the last one takes the place of those that are missing
      for (int64_t i = 0; i < step + kAheadRows; ++i) repeated[i] = block.rows[min64(j + i, block.count - 1)];
      keys = repeated;
    }
    for (int64_t index = 0; index < work.groups * view.maps; ++index) {
      const int64_t column = index * view.head_dim;
      const float* q = place.q + index * rows * padded;
      float* scores = place.scores + index * rows * kKeyBlock + j;
      if (rows == 1) {
        dot_products<T, 1>(q, padded, keys, column, view.head_dim, scores);
        continue;
      }
      for (int64_t r = 0; r < rows; r += kPair) {
        const int64_t first = min64(r, rows - kPair);  // an odd last row is computed beside one that has been
        dot_products<T, kPair>(q + first * padded, padded, keys, column, view.head_dim, scores + first * kKeyBlock);
      }
    }
  }
}

template <class T>
void add_values(const AttentionView& view, const AttentionWork& work, const PlaceOfFew& place, const KeyBlock& block) {
  const int64_t rows = work.probability_rows(view), columns = view.value_columns(), padded = view.padded_values();
  const void* const* values = block.rows + block.count;
  for (int64_t j = 0; j < block.count; j += kValueRows) {
    const int64_t count = min64(kValueRows, block.count - j);
    for (int64_t index = 0; index < work.groups; ++index) {
      const int64_t column = index * columns;
      const float* p = place.scores + index * rows * kKeyBlock + j;
      float* sums = place.accumulators + index * accumulator_floats(view, rows);
      int64_t r = 0;
      for (; r + 4 <= rows; r += 4) {
        add_values<T, 4>(p + r * kKeyBlock, values + j, column, columns, count, sums + r * padded, padded);
      }
      for (; r + 2 <= rows; r += 2) {
        add_values<T, 2>(p + r * kKeyBlock, values + j, column, columns, count, sums + r * padded, padded);
      }
      if (r < rows) {
        add_values<T, 1>(p + r * kKeyBlock, values + j, column, columns, count, sums + r * padded, padded);
      }
    }
  }
}

// Puts a row into pair order, or back.
inline void to_pair_order(const float* from, float* to, int64_t n) {
  for_each_pair_of_vectors(n, [&](int64_t i, int64_t count) {
    Vec even, odd;
    load_pairs(from + i, count, even, odd);
    store(to + i, even);
    store(to + i + kLanes, odd);
  });
}
inline void from_pair_order(float* row, int64_t n) {
  for (int64_t i = 0; i + 2 * kLanes <= n; i += 2 * kLanes) {  // the rest is in order
    Vec first, second;
    interleave(load(row + i), load(row + i + kLanes), first, second);
    store(row + i, first);
    store(row + i + kLanes, second);
  }
}

// Accumulators of all groups of the work = what its keys give.
inline void attend_few(const AttentionView& view, const AttentionWork& work, const PlaceOfFew& place, float* row) {
  const int64_t rows = work.probability_rows(view);
  float* q = place.q;
  for_each_query(view, work, row, [&](const float* from) {
    to_pair_order(from, q, view.head_dim);
    q += view.padded_head();
  });
  const auto sums_of = [&](int64_t index) {
    return accumulator_at(place.accumulators + index * accumulator_floats(view, rows), view, rows);
  };
  for (int64_t index = 0; index < work.groups; ++index) clear(view, sums_of(index), rows);
  KeyBlock block{};
  find_keys(view, work, work.first_key, block);
  for (; block.count > 0; find_keys(view, work, block.position + block.count, block)) {
    with_storage(block.key_dtype,
                 [&](auto type) { score_keys<typename decltype(type)::type>(view, work, place, block); });
    for (int64_t index = 0; index < work.groups; ++index) {
      for (int64_t r = 0; r < rows; ++r) {
        const Visible keys = visible(view, work, r / view.queries % work.rows, block.position, block.count);
        softmax_row(place.scores + (index * rows + r) * kKeyBlock, block.count, keys.from, keys.to, sums_of(index), r,
                    view.padded_values());
      }
    }
    with_storage(block.value_dtype,
                 [&](auto type) { add_values<typename decltype(type)::type>(view, work, place, block); });
  }
}
