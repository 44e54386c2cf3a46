// Attention of few rows: a decode step. It is as fast as it reads the cache, and memory is fast only when read in
// order. So it takes group after group of a block: the keys as they lie in memory, then the values. While it computes
// with the one it asks for the other, line by line: both fit the first cache.
//
// Queries and sums are kept in pair order, that of load_pairs: of every 2 * kLanes features the even ones, then the
// odd.

// What comes next: rows, and how many bytes from where they point to.
struct Upcoming {
  const char* const* rows;
  int64_t offset;

  // Asks for the cache lines of 2 * kLanes elements of a row. One at a time between the steps of other work: a
  // processor drops most of a burst. (Inlined by force, like load_pairs: the compiler's limit on growth would leave
  // calls in the innermost loops.)
  template <class T>
  [[gnu::always_inline]] void ask(int64_t row, int64_t column) const {
    constexpr int64_t kElement = sizeof(T);
    for (int64_t byte = 0; byte < 2 * kLanes * kElement; byte += kCacheLine) {
      __builtin_prefetch(rows[row] + offset + column * kElement + byte);
    }
  }
};

// scores[r, j] = q[r] . k[j] for Q rows of q and kLanes / Q keys, of which one vector of sums is made at once. The keys
// begin `offset` bytes from where `keys` point to.
template <class T, int Q>
[[gnu::noinline]] void dot_products(const float* q, int64_t q_stride, const char* const* keys, int64_t offset,
                                    int64_t depth, float* scores, Upcoming upcoming) {
  constexpr int kKeys = kLanes / Q;
  const T* row[kKeys];
#pragma GCC unroll 16
  for (int i = 0; i < kKeys; ++i) row[i] = reinterpret_cast<const T*>(keys[i] + offset);
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
      upcoming.ask<T>(i, d);
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
// the last pair. The values begin `offset` bytes from where `values` point to.
template <class T, int R, int C>
[[gnu::noinline]] void add_values(const float* p, const char* const* values, int64_t offset, int64_t count, float* sums,
                                  int64_t stride, int64_t last, Upcoming upcoming) {
  Vec sum[R][2 * C];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < 2 * C; ++c) sum[r][c] = load(sums + r * stride + c * kLanes);
  }
#pragma GCC unroll 1
  for (int64_t j = 0; j < count; ++j) {
    const T* row = reinterpret_cast<const T*>(values[j] + offset);
    Vec v[2 * C];
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      upcoming.ask<T>(j, c * 2 * kLanes);
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
void add_values(const float* p, const char* const* values, int64_t offset, int64_t columns, int64_t count, float* sums,
                int64_t stride, const Upcoming& upcoming) {
  constexpr int kPairs = kProductVectors / 2;
  constexpr int64_t kWide = kPairs * 2 * kLanes, kBytes = sizeof(T);
  const auto from = [&](int64_t i) { return Upcoming{upcoming.rows, upcoming.offset + i * kBytes}; };
  int64_t i = 0;
  for (; i + kWide <= columns; i += kWide) {
    add_values<T, R, kPairs>(p, values, offset + i * kBytes, count, sums + i, stride, 2 * kLanes, from(i));
  }
  for (; i < columns; i += 2 * kLanes) {
    const int64_t last = min64(2 * kLanes, columns - i);
    add_values<T, R, 1>(p, values, offset + i * kBytes, count, sums + i, stride, last, from(i));
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

// The scores of one group of the work; asks for its values.
template <class T>
void score_keys(const AttentionView& view, const AttentionWork& work, const PlaceOfFew& place, const KeyBlock& block,
                int64_t group) {
  constexpr int kPair = kLanes > 1 ? 2 : 1;
  const int64_t rows = work.rows * view.queries, padded = view.padded_head();
  const int64_t step = rows > 1 ? kLanes / kPair : kLanes;
  for (int64_t j = 0; j < block.count; j += step) {
    for (int64_t index = group * view.maps; index < (group + 1) * view.maps; ++index) {
      const char* const* keys = block.keys.rows + j;
      const int64_t offset = block.keys.byte_offset(index * view.head_dim);
      const Upcoming values{block.values.rows + j, block.values.byte_offset(index * view.head_dim)};
      const float* q = place.q + index * rows * padded;
      float* scores = place.scores + index * rows * kKeyBlock + j;
      if (rows == 1) {
        dot_products<T, 1>(q, padded, keys, offset, view.head_dim, scores, values);
        continue;
      }
      for (int64_t r = 0; r < rows; r += kPair) {
        const int64_t first = min64(r, rows - kPair);  // an odd last row is computed beside one that has been
        dot_products<T, kPair>(q + first * padded, padded, keys, offset, view.head_dim, scores + first * kKeyBlock,
                               values);
      }
    }
  }
}

// The sums of one group += probabilities [rows, kKeyBlock] times `count` values.
template <class T>
void add_values(const float* p, int64_t rows, const char* const* values, int64_t offset, int64_t columns, int64_t count,
                float* sums, int64_t padded, const Upcoming& upcoming) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    add_values<T, 4>(p + r * kKeyBlock, values, offset, columns, count, sums + r * padded, padded, upcoming);
  }
  for (; r + 2 <= rows; r += 2) {
    add_values<T, 2>(p + r * kKeyBlock, values, offset, columns, count, sums + r * padded, padded, upcoming);
  }
  if (r < rows) {
    add_values<T, 1>(p + r * kKeyBlock, values, offset, columns, count, sums + r * padded, padded, upcoming);
  }
}

// The sums of one group of the work; asks for the keys of group `next_group` of `next`.
template <class T>
void add_values(const AttentionView& view, const AttentionWork& work, const PlaceOfFew& place, const KeyBlock& block,
                int64_t group, const KeyBlock& next, int64_t next_group) {
  const int64_t rows = work.probability_rows(view), columns = view.value_columns(), padded = view.padded_values();
  for (int64_t j = 0; j < block.count; j += kValueRows) {
    const int64_t count = min64(kValueRows, block.count - j);
    const float* p = place.scores + group * rows * kKeyBlock + j;
    float* sums = place.accumulators + group * accumulator_floats(view, rows);
    for (int64_t i = 0; i < columns;) {  // a pair of wide heads lies in two pieces
      const int64_t column = group * columns + i, n = min64(columns - i, block.values.run(column));
      const Upcoming keys{next.keys.rows + j, next.keys.byte_offset(next_group * columns + i)};
      add_values<T>(p, rows, block.values.rows + j, block.values.byte_offset(column), n, count, sums + i, padded, keys);
      i += n;
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
  KeyBlock blocks[2]{};
  find_keys(view, work, work.first_key, blocks[0]);
  for (int current = 0; blocks[current].count > 0; current = 1 - current) {
    const KeyBlock& block = blocks[current];
    KeyBlock& after = blocks[1 - current];
    find_keys(view, work, block.position + block.count, after);
    for (int64_t group = 0; group < work.groups; ++group) {
      with_storage(block.keys.dtype,
                   [&](auto type) { score_keys<typename decltype(type)::type>(view, work, place, block, group); });
      for (int64_t r = 0; r < rows; ++r) {
        const Visible keys = visible(view, work, r / view.queries % work.rows, block.position, block.count);
        softmax_row(place.scores + (group * rows + r) * kKeyBlock, block.count, keys.from, keys.to, sums_of(group), r,
                    view.padded_values());
      }
      const bool last = group + 1 == work.groups;
      const KeyBlock& next = last && after.count > 0 ? after : block;
      with_storage(block.values.dtype, [&](auto type) {
        add_values<typename decltype(type)::type>(view, work, place, block, group, next, last ? 0 : group + 1);
      });
    }
  }
}
