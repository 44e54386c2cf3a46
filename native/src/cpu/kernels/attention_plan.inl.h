// What attention is made of, however many rows there are: groups, works and how they are planned, softmax.
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
// A decode step is as fast as it reads memory, and memory is fast only when read in order: so the work of few rows
// takes all groups, or as many as leave something for every thread, and walks through blocks of the cache from front to
// back. The work of many rows is bound by arithmetic and takes one group.

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
  int64_t padded_head() const { return round_up(head_dim, 2 * kLanes); }
  int64_t padded_values() const { return round_up(value_columns(), 2 * kLanes); }
  int64_t query_rows_per_work() const { return max64(1, kTileRows / queries); }
  // Whether every head of the cache lies in one piece.
  bool whole_heads() const {
    if (kv == nullptr) return true;
    const bool in_keys = kv_layout(kv->keys, kv->block_tokens).strip == 0;
    const bool in_values = kv_layout(kv->values, kv->block_tokens).strip == 0;
    return (in_keys && in_values) || kKvStrip % head_dim == 0;
  }
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

// Rows so few that reading the cache takes longer than computing, of a cache that can be read a head at a time.
inline bool few(const AttentionView& view, int64_t rows) {
  return rows * view.queries < kManyRows && view.whole_heads();
}

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

// Consecutive rows of keys or values from one of the two sources, each beginning with the work's first group.
struct KeyRows {
  const char* rows[kKeyBlock];
  sy_dtype dtype;
  KvLayout layout;
  int64_t first_column;

  // Column c, counted from the first of the work's first group, in row j; and how many lie side by side from there.
  const char* at(int64_t j, int64_t c) const { return rows[j] + byte_offset(c); }
  int64_t byte_offset(int64_t c) const {
    return (layout.offset(first_column + c) - layout.offset(first_column)) * element_size(dtype);
  }
  int64_t run(int64_t c) const { return layout.run(first_column + c); }
};

// Those at positions first .. first + count - 1, from the cache or the chunk's own, then the last of them again.
inline void find_rows(const AttentionView& view, const AttentionWork& work, const sy_tensor& source, bool cached,
                      int64_t first, int64_t count, KeyRows& found) {
  const int32_t s = work.sequence;
  found.dtype = source.dtype;
  found.layout = cached ? kv_layout(source, view.kv->block_tokens) : KvLayout{source.cols, 0, source.stride};
  found.first_column = work.group * view.value_columns();
  const int64_t row_bytes = found.layout.row * element_size(source.dtype);
  for (int64_t i = 0; i < count;) {
    // Rows are consecutive as far as a block of the cache reaches.
    const int64_t position = first + i;
    const char* at =
        cached ? kv_element(*view.kv, source, found.layout, s, position, found.first_column)
               : element(source, view.batch->seq_start[s] + position - view.batch->position[s], found.first_column);
    const int64_t run = cached ? view.kv->block_tokens - position % view.kv->block_tokens : count;
    for (const int64_t stop = min64(count, i + run); i < stop; ++i, at += row_bytes) found.rows[i] = at;
  }
  for (int64_t i = count; i < kKeyBlock; ++i) found.rows[i] = found.rows[count - 1];
}

// Positions from here on have their keys and values in k, v.
inline int64_t first_fresh(const AttentionView& view, const AttentionWork& work) {
  return view.k != nullptr ? view.batch->position[work.sequence] : work.end_key;
}

// A block of consecutive keys from one source, and its values.
struct KeyBlock {
  KeyRows keys, values;
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
  find_rows(view, work, cached ? view.kv->keys : *view.k, cached, position, block.count, block.keys);
  find_rows(view, work, cached ? view.kv->values : *view.v, cached, position, block.count, block.values);
}

// The first column in q of a query's map, and in y of its result.
inline int64_t query_column(const AttentionView& view, int64_t group, int64_t map, int64_t query) {
  return ((group * view.queries + query) * view.maps + map) * view.head_dim;
}

// visit(q) for the scaled query of every row of probabilities of all groups of the work, in the order of those.
template <class Visit>
void for_each_query(const AttentionView& view, const AttentionWork& work, float* place, Visit visit) {
  for (int64_t group = work.group; group < work.group + work.groups; ++group) {
    for (int64_t map = 0; map < view.maps; ++map) {
      for (int64_t row = 0; row < work.rows; ++row) {
        for (int64_t query = 0; query < view.queries; ++query) {
          const char* from = element(*view.q, work.row + row, query_column(view, group, map, query));
          widen(from, view.q->dtype, place, view.head_dim);
          for (int64_t i = 0; i < view.head_dim; i += kLanes) store(place + i, load(place + i) * set(view.scale));
          visit(place);
        }
      }
    }
  }
}

// The keys of a block that a row sees: from .. to - 1, counted from the block's first.
struct Visible {
  int64_t from, to;
};

inline Visible visible(const AttentionView& view, const AttentionWork& work, int64_t row, int64_t first_key,
                       int64_t count) {
  const int64_t position = position_of(*view.batch, work.sequence, work.row + row);
  const int64_t first = view.window == 0 ? 0 : position - view.window + 1;
  const int64_t from = min64(count, max64(0, first - first_key));
  return {from, min64(count, max64(from, position + 1 - first_key))};
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
