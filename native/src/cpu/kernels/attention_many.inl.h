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

// to [columns, kKeyBlock] = the transpose of `keys` rows from `offset` bytes on. The padding to whole vectors repeats
// the last key.
template <class T>
void transpose_rows(const char* const* rows, int64_t offset, int64_t keys, int64_t columns, float* to) {
  for (int64_t j = 0; j < keys; j += kLanes) {
    for_each_vector(columns, [&](int64_t d, int64_t n) {
      Vec square[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i)
        square[i] = load(reinterpret_cast<const T*>(rows[min64(j + i, keys - 1)] + offset) + d, n);
      transpose(square);
      for (int i = 0; i < n; ++i) store(to + (d + i) * kKeyBlock + j, square[i]);
    });
  }
}

// visit(offset in bytes, column, n) for the pieces in which columns first .. first + columns - 1 lie.
template <class Visit>
void for_each_piece(const KeyRows& keys, int64_t first, int64_t columns, Visit visit) {
  for (int64_t i = 0; i < columns;) {
    const int64_t n = min64(columns - i, keys.run(first + i));
    visit(keys.byte_offset(first + i), i, n);
    i += n;
  }
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
  KeyBlock blocks[2]{};
  find_keys(view, work, work.first_key, blocks[0]);
  for (int current = 0; blocks[current].count > 0; current = 1 - current) {
    const KeyBlock& block = blocks[current];
    KeyBlock& next = blocks[1 - current];
    find_keys(view, work, block.position + block.count, next);
    for (int64_t map = 0; map < view.maps; ++map) {
      for_each_piece(block.keys, map * view.head_dim, view.head_dim, [&](int64_t offset, int64_t column, int64_t n) {
        with_storage(block.keys.dtype, [&](auto type) {
          transpose_rows<typename decltype(type)::type>(block.keys.rows, offset, block.count, n,
                                                        place.keys + column * kKeyBlock);
        });
      });
      float* scores = place.scores + map * rows * kKeyBlock;
      product<false>(place.q + map * rows * view.padded_head(), view.padded_head(), rows, place.keys, kKeyBlock,
                     view.head_dim, scores, kKeyBlock, round_up(block.count, kLanes));
      for (int64_t r = 0; r < rows; ++r) {
        const Visible seen = visible(view, work, r / view.queries, block.position, block.count);
        softmax_row(scores + r * kKeyBlock, block.count, seen.from, seen.to, sums, map * rows + r, padded);
        const int64_t later = map * rows + r;  // rows of the next block, as far as there are such
        if (later < next.count)
          ask_for_row(next.keys.rows[later], view.value_columns() * element_size(next.keys.dtype));
      }
    }
    for (int64_t j = 0; j < block.count; ++j) {
      for_each_piece(block.values, 0, view.value_columns(), [&](int64_t offset, int64_t column, int64_t n) {
        widen(block.values.rows[j] + offset, block.values.dtype, place.values + j * padded + column, n);
      });
      if (j < next.count) {
        ask_for_row(next.values.rows[j], view.value_columns() * element_size(next.values.dtype));
      }
    }
    product<true>(place.scores, kKeyBlock, view.maps * rows, place.values, padded, block.count, sums.out, padded,
                  round_up(view.value_columns(), kLanes));
  }
}
