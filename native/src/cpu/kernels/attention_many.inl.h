// Attention of many rows: a prompt. It is bound by arithmetic, so a work takes one group, turns a block of its keys and
// values into small f32 matrices, and multiplies.

// Memory of one task.
struct PlaceOfMany {
  float* q;       // [maps * rows, padded_head], scaled
  float* scores;  // [maps * rows, kKeyBlock], then probabilities
  float* keys;    // [head_dim, kKeyBlock] transposed
  float* values;  // [kKeyBlock, padded_values]
  float* accumulator;
};

inline int64_t floats_of_many(const AttentionView& view, int64_t rows) {
  return rows * (view.padded_head() + kKeyBlock) + kKeyBlock * (view.head_dim + view.padded_values()) +
         accumulator_floats(view, rows);
}

inline PlaceOfMany place_of_many(float* memory, const AttentionView& view, int64_t rows) {
  PlaceOfMany place{};
  place.q = memory;
  place.scores = place.q + rows * view.padded_head();
  place.keys = place.scores + rows * kKeyBlock;
  place.values = place.keys + view.head_dim * kKeyBlock;
  place.accumulator = place.values + kKeyBlock * view.padded_values();
  return place;
}

// to [columns, kKeyBlock] = the transpose of `keys` rows from `column` on. The padding to whole vectors repeats the
// last key.
template <class T>
void transpose_rows(const void* const* rows, int64_t column, int64_t keys, int64_t columns, float* to) {
  for (int64_t j = 0; j < keys; j += kLanes) {
    for_each_vector(columns, [&](int64_t d, int64_t n) {
      Vec square[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i)
        square[i] = load(static_cast<const T*>(rows[min64(j + i, keys - 1)]) + column + d, n);
      transpose(square);
      for (int i = 0; i < n; ++i) store(to + (d + i) * kKeyBlock + j, square[i]);
    });
  }
}

// Consecutive keys from one of the two sources, and their values.
struct StagedBlock {
  const void* keys[kKeyBlock];
  const void* values[kKeyBlock];
  sy_dtype key_dtype, value_dtype;
  int64_t position;  // of the first
  int64_t count;
};

// The block that begins at `position`; none is left where its count is 0.
inline void find_block(const AttentionView& view, const AttentionWork& work, int64_t position, StagedBlock& block) {
  const int64_t fresh = first_fresh(view, work);
  const bool cached = position < fresh;
  block.position = position;
  block.count = max64(0, min64(kKeyBlock, (cached ? min64(fresh, work.end_key) : work.end_key) - position));
  if (block.count == 0) return;
  const sy_tensor& keys = cached ? view.kv->keys : *view.k;
  const sy_tensor& values = cached ? view.kv->values : *view.v;
  block.key_dtype = keys.dtype;
  block.value_dtype = values.dtype;
  find_rows(view, work, keys, cached, position, block.count, block.keys);
  find_rows(view, work, values, cached, position, block.count, block.values);
}

// Brings a row into the second cache: the first is full. (Inlined by force: gcc takes a function that does nothing else
// for one without effect, and drops its calls.)
[[gnu::always_inline]] inline void ask_for_row(const void* row, int64_t bytes) {
  for (int64_t byte = 0; byte < bytes; byte += kCacheLine) {
    __builtin_prefetch(static_cast<const char*>(row) + byte, 0, 2);
  }
}

// The accumulator of the work's group = what its keys give.
inline void attend_many(const AttentionView& view, const AttentionWork& work, const PlaceOfMany& place, float* row) {
  const int64_t rows = work.rows * view.queries, padded = view.padded_values();  // rows: per map
  const Accumulator sums = accumulator_at(place.accumulator, view, view.maps * rows);
  float* q = place.q;
  for_each_query(view, work, row, [&](const float* from) {
    memcpy(q, from, static_cast<size_t>(view.head_dim) * sizeof(float));
    q += view.padded_head();
  });
  clear(view, sums, view.maps * rows);
  StagedBlock blocks[2]{};
  find_block(view, work, work.first_key, blocks[0]);
  for (int current = 0; blocks[current].count > 0; current = 1 - current) {
    const StagedBlock& block = blocks[current];
    StagedBlock& next = blocks[1 - current];
    find_block(view, work, block.position + block.count, next);
    for (int64_t map = 0; map < view.maps; ++map) {
      with_storage(block.key_dtype, [&](auto type) {
        transpose_rows<typename decltype(type)::type>(block.keys, map * view.head_dim, block.count, view.head_dim,
                                                      place.keys);
      });
      float* scores = place.scores + map * rows * kKeyBlock;
      product<false>(place.q + map * rows * view.padded_head(), view.padded_head(), rows, place.keys, kKeyBlock,
                     view.head_dim, scores, kKeyBlock, round_up(block.count, kLanes));
      for (int64_t r = 0; r < rows; ++r) {
        const Visible seen = visible(view, work, r / view.queries, block.position, block.count);
        softmax_row(scores + r * kKeyBlock, block.count, seen.from, seen.to, sums, map * rows + r, padded);
        const int64_t later = map * rows + r;  // rows of the next block, as far as there are such
        if (later < next.count) ask_for_row(next.keys[later], view.value_columns() * element_size(next.key_dtype));
      }
    }
    for (int64_t j = 0; j < block.count; ++j) {
      widen(block.values[j], block.value_dtype, place.values + j * padded, view.value_columns());
      if (j < next.count) ask_for_row(next.values[j], view.value_columns() * element_size(next.value_dtype));
    }
    product<true>(place.scores, kKeyBlock, view.maps * rows, place.values, padded, block.count, sums.out, padded,
                  round_up(view.value_columns(), kLanes));
  }
}
