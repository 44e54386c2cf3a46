// attention, diff_attention: one body for both.
//
// A group is what reads the same values: one KV head with its query heads, or one KV pair with its query pairs. It has
// one map (a matrix of probabilities) per query head, so an ordinary group has `maps` = 1 and a differential one 2, and
// the values are maps * head_dim wide. Within a group the rows of probabilities are numbered [map, query row, query of
// the group]; each block of keys and values is read once for all of them.
//
// Softmax is taken along blocks of keys with a running maximum (Milakov and Gimelshein 2018). A query whose keys are
// too many for one task is split by keys into works whose partial results are merged (flash decoding). The cuts by keys
// depend on nothing but the lengths, so the result does not depend on the number of threads or on the rest of the
// batch.
//
// A row of the cache holds all groups side by side. A decode step is as fast as it reads memory, and memory is fast
// only when read in order: so the work of few rows takes all groups, or as many as leave something for every thread,
// and walks through whole rows. The work of many rows is bound by arithmetic and takes one group.

struct AttentionView {
  const sy_batch* batch;
  const sy_tensor *q, *k, *v;
  const sy_kv* kv;
  const sy_tensor* y;
  int64_t head_dim, window;
  int64_t maps;     // 1, or 2: differential
  int64_t groups;   // KV heads, or KV pairs
  int64_t queries;  // query heads per KV head
  float scale;
  // differential only
  const float* subln_weight;
  float lambda, out_scale, eps;

  int64_t value_columns() const { return maps * head_dim; }
  int64_t padded_head() const { return round_up(head_dim, kLanes); }
  int64_t padded_values() const { return round_up(value_columns(), kLanes); }
  int64_t query_rows_per_work() const { return max64(1, kTileRows / queries); }
};

// The running result of some rows of probabilities: numerators, maxima and denominators of softmax(...) V.
struct Accumulator {
  float* out;    // [rows, padded_values]
  float* top;    // [rows]
  float* total;  // [rows]
};

inline int64_t accumulator_floats(const AttentionView& view, int64_t rows) {
  return rows * view.padded_values() + round_up(2 * rows, kLanes);
}

inline Accumulator accumulator_at(float* memory, const AttentionView& view, int64_t rows) {
  float* top = memory + rows * view.padded_values();
  return {memory, top, top + rows};
}

inline void clear(const AttentionView& view, const Accumulator& sums, int64_t rows) {
  memset(sums.out, 0, static_cast<size_t>(rows * view.padded_values()) * sizeof(float));
  for (int64_t i = 0; i < rows; ++i) {
    sums.top[i] = -FLT_MAX;  // not -infinity, which has no difference from itself
    sums.total[i] = 0;
  }
}

// Some query rows of one sequence against some of its keys, for some groups.
struct AttentionWork {
  int32_t sequence;
  int64_t row, rows;           // of q
  int64_t group, groups;       // from group on
  int64_t first_key, end_key;  // positions
  int64_t split, splits;       // which of the works that differ by keys alone; they stand together
  int64_t partial;             // where its partial result begins if splits > 1, in floats

  int64_t probability_rows(const AttentionView& view) const { return view.maps * rows * view.queries; }
};

inline int64_t position_of(const sy_batch& batch, int32_t s, int64_t row) {
  return int64_t{batch.position[s]} + row - batch.seq_start[s];
}

// Rows too few for transposed keys to pay.
inline bool few(const AttentionView& view, int64_t rows) { return rows * view.queries < kStageRows; }

// Calls visit(work) for every work, with at most `groups` groups where the rows are few. Returns the floats of all
// partial results.
template <class Visit>
int64_t plan_attention(const AttentionView& view, int64_t groups, Visit visit) {
  const sy_batch& batch = *view.batch;
  int64_t partial = 0;
  for (int32_t s = 0; s < batch.sequences; ++s) {
    const int64_t begin = batch.seq_start[s], end = batch.seq_start[s + 1];
    const int64_t step = view.query_rows_per_work();
    // The last rows have the most keys: begun first, they do not end last.
    for (int64_t block = ceil_div(end - begin, step) - 1; block >= 0; --block) {
      AttentionWork work{};
      work.sequence = s;
      work.row = begin + block * step;
      work.rows = min64(step, end - work.row);
      const int64_t position = position_of(batch, s, work.row);
      const int64_t first = view.window == 0 ? 0 : max64(0, position - view.window + 1);
      const int64_t last = position + work.rows;
      // Only a short chunk is split, and the longer it is the coarser: a long one has works enough.
      const int64_t keys = max64(kSplitKeys * work.rows, round_up(ceil_div(last - first, kMaxSplits), kKeyBlock));
      work.splits = end - begin <= step ? ceil_div(last - first, keys) : 1;
      const int64_t group_step = few(view, work.rows) ? groups : 1;
      for (work.group = 0; work.group < view.groups; work.group += group_step) {
        work.groups = min64(group_step, view.groups - work.group);
        for (work.split = 0; work.split < work.splits; ++work.split) {
          work.first_key = first + work.split * keys;
          work.end_key = work.split + 1 == work.splits ? last : work.first_key + keys;
          work.partial = partial;
          visit(work);
          if (work.splits > 1) partial += work.groups * accumulator_floats(view, work.probability_rows(view));
        }
      }
    }
  }
  return partial;
}

// Consecutive keys from one of the two sources, and their values.
struct KeyBlock {
  const void* keys[kKeyBlock];  // where the work's first group begins
  const void* values[kKeyBlock];
  sy_dtype key_dtype, value_dtype;
  int64_t position;  // of the first
  int64_t count;
};

// The block that begins at `position`.
inline void find_keys(const AttentionView& view, const AttentionWork& work, int64_t position, KeyBlock& block) {
  const int32_t s = work.sequence;
  const int64_t fresh = view.k != nullptr ? view.batch->position[s] : work.end_key;  // from here on k, v have them
  const int64_t column = work.group * view.value_columns();
  const bool cached = position < fresh;
  block.position = position;
  const int64_t most = few(view, work.rows) ? kKeyBlockOfFew : kKeyBlock;
  block.count = max64(0, min64(most, (cached ? min64(fresh, work.end_key) : work.end_key) - position));
  if (block.count == 0) return;
  const sy_tensor& keys = cached ? view.kv->keys : *view.k;
  const sy_tensor& values = cached ? view.kv->values : *view.v;
  block.key_dtype = keys.dtype;
  block.value_dtype = values.dtype;
  for (int64_t i = 0; i < block.count;) {
    // Rows are consecutive as far as a block of the cache reaches.
    const int64_t row = cached ? kv_row(*view.kv, s, position + i) : view.batch->seq_start[s] + position + i - fresh;
    const int64_t run = cached ? view.kv->block_tokens - (position + i) % view.kv->block_tokens : block.count;
    const int64_t stop = min64(block.count, i + run);
    for (int64_t r = row; i < stop; ++i, ++r) {
      block.keys[i] = element(keys, r, column);
      block.values[i] = element(values, r, column);
    }
  }
}

// Memory of one task.
struct AttentionPlace {
  float* q;               // [groups * maps * rows, padded_head], scaled
  float* scores;          // [maps * rows, kKeyBlock], then probabilities
  float* accumulators;    // one per group
  float* keys;            // [head_dim, kKeyBlock] transposed
  float* values;          // [kKeyBlock, padded_values]
  float* row;             // [padded_values]
  const void** pointers;  // [max(head_dim, kKeyBlock)]
};

inline AttentionPlace attention_place(Pool& pool, int thread, const AttentionView& view) {
  const int64_t rows = view.maps * view.query_rows_per_work() * view.queries;  // of one group
  const int64_t few_rows = view.maps * kStageRows;                             // of each of all groups
  const int64_t all_rows = max64(rows, few_rows * view.groups);
  const int64_t accumulators = max64(accumulator_floats(view, rows), accumulator_floats(view, few_rows) * view.groups);
  const int64_t sizes[] = {
      all_rows * view.padded_head(),    rows * kKeyBlock,    accumulators, view.head_dim * kKeyBlock,
      kKeyBlock * view.padded_values(), view.padded_values()};
  int64_t floats = 0;
  for (int64_t size : sizes) floats += size;
  floats = round_up(floats, 16);
  const int64_t pointers = max64(view.head_dim, kKeyBlock);
  float* at = static_cast<float*>(pool.scratch(
      thread, floats * static_cast<int64_t>(sizeof(float)) + pointers * static_cast<int64_t>(sizeof(void*))));
  AttentionPlace place{};
  place.pointers = reinterpret_cast<const void**>(at + floats);
  float** parts[] = {&place.q, &place.scores, &place.accumulators, &place.keys, &place.values, &place.row};
  for (int i = 0; i < 6; ++i) {
    *parts[i] = at;
    at += sizes[i];
  }
  return place;
}

// The first column in q of a query's map, and in y of its result.
inline int64_t query_column(const AttentionView& view, int64_t group, int64_t map, int64_t query) {
  return ((group * view.queries + query) * view.maps + map) * view.head_dim;
}

inline void stage_queries(const AttentionView& view, const AttentionWork& work, const AttentionPlace& place) {
  float* to = place.q;
  for (int64_t group = work.group; group < work.group + work.groups; ++group) {
    for (int64_t map = 0; map < view.maps; ++map) {
      for (int64_t row = 0; row < work.rows; ++row) {
        for (int64_t query = 0; query < view.queries; ++query, to += view.padded_head()) {
          const char* from = element(*view.q, work.row + row, query_column(view, group, map, query));
          widen(from, view.q->dtype, to, view.head_dim);
          for_each_vector(view.head_dim, [&](int64_t i, int64_t n) {
            store(to + i, load(to + i, n) * set(view.scale));  // lanes past the head become 0
          });
        }
      }
    }
  }
}

// scores = q . k for the rows of one map of the work's group `index`.
template <class T>
void score_keys(const AttentionView& view, const AttentionPlace& place, const KeyBlock& block, int64_t index,
                int64_t map, int64_t rows, Upcoming& upcoming) {
  const int64_t padded = view.padded_head(), column = (index * view.maps + map) * view.head_dim;
  const float* q = place.q + (index * view.maps + map) * rows * padded;
  float* scores = place.scores + map * rows * kKeyBlock;
  if (rows < kStageRows) {
    constexpr int kPair = kLanes >= 8 ? 2 : 1;
    int64_t r = 0;
    for (; r + kPair <= rows; r += kPair) {
      dot_products<T, kPair>(q + r * padded, padded, block.keys, column, block.count, view.head_dim,
                             scores + r * kKeyBlock, kKeyBlock, upcoming);
    }
    for (; r < rows; ++r) {
      dot_products<T, 1>(q + r * padded, padded, block.keys, column, block.count, view.head_dim, scores + r * kKeyBlock,
                         kKeyBlock, upcoming);
    }
    return;
  }
  transpose_rows<T>(block.keys, column, block.count, view.head_dim, place.keys, kKeyBlock);
  for (int64_t d = 0; d < view.head_dim; ++d) place.pointers[d] = place.keys + d * kKeyBlock;
  memset(scores, 0, static_cast<size_t>(rows * kKeyBlock) * sizeof(float));
  Upcoming nothing;
  add_product<float>(q, padded, rows, place.pointers, 0, view.head_dim, scores, kKeyBlock,
                     round_up(block.count, kLanes), nothing);
}

// One row's scores become probabilities relative to the running maximum, to which its sums so far are rescaled. Keys
// outside from .. to - 1 are not seen.
inline void softmax_row(float* scores, int64_t count, int64_t from, int64_t to, const Accumulator& sums, int64_t row,
                        int64_t padded_values) {
  const int64_t padded = round_up(count, kLanes);
  for (int64_t j = 0; j < from; ++j) scores[j] = -HUGE_VALF;
  for (int64_t j = to; j < padded; ++j) scores[j] = -HUGE_VALF;
  Vec highest = load(scores);
  for (int64_t j = kLanes; j < padded; j += kLanes) highest = max(highest, load(scores + j));
  const float before = sums.top[row];
  const float block_top = reduce_max(highest);
  const float top = block_top > before ? block_top : before;
  Vec total = zero();
  for (int64_t j = 0; j < padded; j += kLanes) {
    const Vec p = exp(load(scores + j) - set(top));
    store(scores + j, p);
    total = total + p;
  }
  if (top != before) {
    float factor[kLanes];
    store(factor, exp(set(before - top)));
    sums.total[row] *= factor[0];
    for (int64_t i = 0; i < padded_values; i += kLanes) {
      float* out = sums.out + row * padded_values + i;
      store(out, load(out) * set(factor[0]));
    }
    sums.top[row] = top;
  }
  sums.total[row] += reduce_add(total);
}

// sums += probabilities . V for the rows of all maps of the work's group `index`.
template <class T>
void add_values(const AttentionView& view, const AttentionPlace& place, const KeyBlock& block, int64_t index,
                const Accumulator& sums, int64_t rows, bool stage, Upcoming& upcoming) {
  const int64_t columns = view.value_columns(), padded = view.padded_values(), column = index * columns;
  if (!stage) {
    add_product<T>(place.scores, kKeyBlock, rows, block.values, column, block.count, sums.out, padded, columns,
                   upcoming);
    return;
  }
  for (int64_t j = 0; j < block.count; ++j) {
    convert(scattered_row<T>(block.values, j, column), place.values + j * padded, columns);
    place.pointers[j] = place.values + j * padded;
  }
  Upcoming nothing;
  add_product<float>(place.scores, kKeyBlock, rows, place.pointers, 0, block.count, sums.out, padded, columns, nothing);
}

inline void attend_block(const AttentionView& view, const AttentionWork& work, const AttentionPlace& place,
                         const KeyBlock& block, int64_t index, const Accumulator& sums, Upcoming& keys,
                         Upcoming& values) {
  const int64_t rows = work.rows * view.queries;  // per map
  for (int64_t map = 0; map < view.maps; ++map) {
    with_storage(block.key_dtype, [&](auto type) {
      score_keys<typename decltype(type)::type>(view, place, block, index, map, rows, keys);
    });
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t position = position_of(*view.batch, work.sequence, work.row + r / view.queries);
      const int64_t first = view.window == 0 ? 0 : position - view.window + 1;
      const int64_t from = min64(block.count, max64(0, first - block.position));
      const int64_t to = min64(block.count, max64(from, position + 1 - block.position));
      softmax_row(place.scores + (map * rows + r) * kKeyBlock, block.count, from, to, sums, map * rows + r,
                  view.padded_values());
    }
  }
  with_storage(block.value_dtype, [&](auto type) {
    add_values<typename decltype(type)::type>(view, place, block, index, sums, view.maps * rows, !few(view, work.rows),
                                              values);
  });
}

// sums += other, softmax-wise.
inline void merge(const AttentionView& view, const Accumulator& other, const Accumulator& sums, int64_t rows) {
  const int64_t padded = view.padded_values();
  for (int64_t row = 0; row < rows; ++row) {
    const float top = sums.top[row] > other.top[row] ? sums.top[row] : other.top[row];
    float kept[kLanes], added[kLanes];
    store(kept, exp(set(sums.top[row] - top)));
    store(added, exp(set(other.top[row] - top)));
    sums.top[row] = top;
    sums.total[row] = sums.total[row] * kept[0] + other.total[row] * added[0];
    for (int64_t i = row * padded; i < (row + 1) * padded; i += kLanes) {
      store(sums.out + i, fma(load(other.out + i), set(added[0]), load(sums.out + i) * set(kept[0])));
    }
  }
}

// The end of a group: denominators and, for the differential form, A1 - lambda A2 and its norm.
inline void write_group(const AttentionView& view, const AttentionWork& work, int64_t group,
                        const AttentionPlace& place, const Accumulator& sums) {
  const int64_t padded = view.padded_values(), columns = view.value_columns();
  for (int64_t row = 0; row < work.rows; ++row) {
    for (int64_t query = 0; query < view.queries; ++query) {
      const int64_t first = row * view.queries + query;
      const int64_t second = first + (view.maps - 1) * work.rows * view.queries;
      const Vec positive = set(1.0f / sums.total[first]), negative = set(view.lambda / sums.total[second]);
      float* out = place.row;
      for (int64_t i = 0; i < columns; i += kLanes) {
        Vec v = load(sums.out + first * padded + i) * positive;
        if (view.maps == 2) v = fnma(load(sums.out + second * padded + i), negative, v);
        store(out + i, v);
      }
      if (view.maps == 2) {
        rms_norm_row(out, view.subln_weight, out, columns, view.eps);
        for (int64_t i = 0; i < columns; i += kLanes) store(out + i, load(out + i) * set(view.out_scale));
      }
      narrow(out, element(*view.y, work.row + row, query_column(view, group, 0, query)), view.y->dtype, columns);
    }
  }
}

inline void attend(Pool& pool, const AttentionView& view) {
  // Works and partial results lie in one piece of memory, so they are counted before they are written.
  int64_t count = 0;
  const auto count_work = [&](const AttentionWork&) { ++count; };
  plan_attention(view, view.groups, count_work);
  const int64_t wanted = kWorksPerThread * pool.threads();
  const int64_t groups = count >= wanted ? view.groups : max64(1, view.groups * count / wanted);
  count = 0;
  const int64_t partials = plan_attention(view, groups, count_work);
  const int64_t plan_bytes = round_up(count * static_cast<int64_t>(sizeof(AttentionWork)), 64);
  char* memory = static_cast<char*>(pool.shared_scratch(plan_bytes + partials * static_cast<int64_t>(sizeof(float))));
  AttentionWork* works = reinterpret_cast<AttentionWork*>(memory);
  float* partial_results = reinterpret_cast<float*>(memory + plan_bytes);
  AttentionWork* next = works;
  plan_attention(view, groups, [&](const AttentionWork& work) { *next++ = work; });

  // The accumulator of a work's group `index`.
  const auto sums_of = [&](const AttentionWork& work, float* own, int64_t index) {
    const int64_t rows = work.probability_rows(view);
    float* first = work.splits > 1 ? partial_results + work.partial : own;
    return accumulator_at(first + index * accumulator_floats(view, rows), view, rows);
  };

  parallel(pool, count, [&](int64_t number, int thread) {
    const AttentionWork& work = works[number];
    const AttentionPlace place = attention_place(pool, thread, view);
    for (int64_t i = 0; i < work.groups; ++i) {
      clear(view, sums_of(work, place.accumulators, i), work.probability_rows(view));
    }
    stage_queries(view, work, place);
    KeyBlock blocks[2];
    find_keys(view, work, work.first_key, blocks[0]);
    for (int current = 0; blocks[current].count > 0; current = 1 - current) {
      const KeyBlock& block = blocks[current];
      KeyBlock& after = blocks[1 - current];
      find_keys(view, work, block.position + block.count, after);
      // While one block is computed the next is on its way into the cache.
      const int64_t columns = work.groups * view.value_columns();
      Upcoming keys{after.keys, after.count, columns * element_size(after.key_dtype)};
      Upcoming values{after.values, after.count, columns * element_size(after.value_dtype)};
      for (int64_t i = 0; i < work.groups; ++i) {
        attend_block(view, work, place, block, i, sums_of(work, place.accumulators, i), keys, values);
      }
    }
    for (int64_t i = 0; work.splits == 1 && i < work.groups; ++i) {
      write_group(view, work, work.group + i, place, sums_of(work, place.accumulators, i));
    }
  });

  if (partials == 0) return;
  parallel(pool, count * groups, [&](int64_t number, int thread) {
    const int64_t first = number / groups, i = number % groups;
    const AttentionWork& work = works[first];
    if (work.splits == 1 || work.split > 0 || i >= work.groups) return;
    const Accumulator sums = sums_of(work, nullptr, i);
    for (int64_t j = 1; j < work.splits; ++j) {
      merge(view, sums_of(works[first + j], nullptr, i), sums, work.probability_rows(view));
    }
    write_group(view, work, work.group + i, attention_place(pool, thread, view), sums);
  });
}

inline void attention(Pool& pool, const sy_attention_args& args) {
  AttentionView view{};
  view.batch = args.batch;
  view.q = args.q;
  view.k = args.k;
  view.v = args.v;
  view.kv = args.kv;
  view.y = args.y;
  view.head_dim = args.head_dim;
  view.window = args.window;
  view.scale = args.scale;
  view.maps = 1;
  view.groups = args.kv_heads;
  view.queries = args.heads / args.kv_heads;
  attend(pool, view);
}

inline void diff_attention(Pool& pool, const sy_diff_attention_args& args) {
  AttentionView view{};
  view.batch = args.batch;
  view.q = args.q;
  view.k = args.k;
  view.v = args.v;
  view.kv = args.kv;
  view.y = args.y;
  view.head_dim = args.head_dim;
  view.window = args.window;
  view.scale = args.scale;
  view.maps = 2;
  view.groups = args.kv_heads / 2;
  view.queries = args.heads / args.kv_heads;
  view.subln_weight = f32_row(*args.subln_weight, 0);
  view.lambda = args.lambda;
  view.out_scale = args.out_scale;
  view.eps = args.eps;
  attend(pool, view);
}
