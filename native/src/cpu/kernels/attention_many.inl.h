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

// The accumulator of the work's group = what its keys give.
inline void attend_many(const AttentionView& view, const AttentionWork& work, const PlaceOfMany& place, float* row) {
  const int64_t rows = work.rows * view.queries, padded = view.padded_values();  // rows: per map
  const int64_t fresh = first_fresh(view, work);
  const Accumulator sums = accumulator_at(place.accumulator, view, view.maps * rows);
  float* q = place.q;
  for_each_query(view, work, row, [&](const float* from) {
    memcpy(q, from, static_cast<size_t>(view.head_dim) * sizeof(float));
    q += view.padded_head();
  });
  clear(view, sums, view.maps * rows);
  for (int64_t position = work.first_key, count; position < work.end_key; position += count) {
    const bool cached = position < fresh;
    count = min64(kKeyBlock, (cached ? min64(fresh, work.end_key) : work.end_key) - position);
    const sy_tensor& keys = cached ? view.kv->keys : *view.k;
    const sy_tensor& values = cached ? view.kv->values : *view.v;
    const void* key_rows[kKeyBlock];
    const void* value_rows[kKeyBlock];
    find_rows(view, work, keys, cached, position, count, key_rows);
    find_rows(view, work, values, cached, position, count, value_rows);
    for (int64_t map = 0; map < view.maps; ++map) {
      with_storage(keys.dtype, [&](auto type) {
        transpose_rows<typename decltype(type)::type>(key_rows, map * view.head_dim, count, view.head_dim, place.keys);
      });
      float* scores = place.scores + map * rows * kKeyBlock;
      memset(scores, 0, static_cast<size_t>(rows * kKeyBlock) * sizeof(float));
      add_product(place.q + map * rows * view.padded_head(), view.padded_head(), rows, place.keys, kKeyBlock,
                  view.head_dim, scores, kKeyBlock, round_up(count, kLanes));
      for (int64_t r = 0; r < rows; ++r) {
        const Visible seen = visible(view, work, r / view.queries, position, count);
        softmax_row(scores + r * kKeyBlock, count, seen.from, seen.to, sums, map * rows + r, padded);
      }
    }
    for (int64_t j = 0; j < count; ++j)
      widen(value_rows[j], values.dtype, place.values + j * padded, view.value_columns());
    add_product(place.scores, kKeyBlock, view.maps * rows, place.values, padded, count, sums.out, padded,
                round_up(view.value_columns(), kLanes));
  }
}
