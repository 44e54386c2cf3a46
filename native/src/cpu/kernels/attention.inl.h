// attention, diff_attention: one body for both, and one plan for few rows and many.

// The end of a group: denominators and, for the differential form, A1 - lambda A2 and its norm.
inline void write_group(const AttentionView& view, const AttentionWork& work, int64_t group, const Accumulator& sums,
                        float* out) {
  const int64_t padded = view.padded_values(), columns = view.value_columns();
  for (int64_t row = 0; row < work.rows; ++row) {
    for (int64_t query = 0; query < view.queries; ++query) {
      const int64_t first = row * view.queries + query;
      const int64_t second = first + (view.maps - 1) * work.rows * view.queries;
      const Vec positive = set(1.0f / sums.total[first]), negative = set(view.lambda / sums.total[second]);
      for (int64_t i = 0; i < columns; i += kLanes) {
        Vec v = load(sums.out + first * padded + i) * positive;
        if (view.maps == 2) v = fnma(load(sums.out + second * padded + i), negative, v);
        store(out + i, v);
      }
      if (few(view, work.rows)) from_pair_order(out, columns);
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
  int64_t count = 0, most_floats = 0;
  const auto measure = [&](const AttentionWork& work) {
    ++count;
    const int64_t rows = work.probability_rows(view);
    most_floats =
        max64(most_floats, few(view, work.rows) ? floats_of_few(view, work.groups, rows) : floats_of_many(view, rows));
  };
  plan_attention(view, view.groups, measure);
  const int64_t wanted = kWorksPerThread * pool.threads();
  const int64_t groups = count >= wanted ? view.groups : max64(1, view.groups * count / wanted);
  count = 0;
  const int64_t partials = plan_attention(view, groups, measure);
  const int64_t plan_bytes = round_up(count * static_cast<int64_t>(sizeof(AttentionWork)), 64);
  char* memory = static_cast<char*>(pool.shared_scratch(plan_bytes + partials * static_cast<int64_t>(sizeof(float))));
  AttentionWork* works = reinterpret_cast<AttentionWork*>(memory);
  float* partial_results = reinterpret_cast<float*>(memory + plan_bytes);
  AttentionWork* next = works;
  plan_attention(view, groups, [&](const AttentionWork& work) { *next++ = work; });

  parallel(pool, count, [&](int64_t number, int thread) {
    const AttentionWork& work = works[number];
    const int64_t rows = work.probability_rows(view), floats = accumulator_floats(view, rows);
    float* row = float_scratch(pool, thread, view.padded_values() + most_floats);
    float* own = row + view.padded_values();
    float* accumulators;
    if (few(view, work.rows)) {
      PlaceOfFew place = place_of_few(own, view, work.groups, rows);
      if (work.splits > 1) place.accumulators = partial_results + work.partial;
      accumulators = place.accumulators;
      attend_few(view, work, place, row);
    } else {
      PlaceOfMany place = place_of_many(own, view, rows);
      if (work.splits > 1) place.accumulator = partial_results + work.partial;
      accumulators = place.accumulator;
      attend_many(view, work, place, row);
    }
    for (int64_t i = 0; work.splits == 1 && i < work.groups; ++i) {
      write_group(view, work, work.group + i, accumulator_at(accumulators + i * floats, view, rows), row);
    }
  });

  if (partials == 0) return;
  parallel(pool, count * groups, [&](int64_t number, int thread) {
    const int64_t first = number / groups, i = number % groups;
    const AttentionWork& work = works[first];
    if (work.splits == 1 || work.split > 0 || i >= work.groups) return;
    const int64_t rows = work.probability_rows(view), floats = accumulator_floats(view, rows);
    const auto sums_of = [&](const AttentionWork& part) {
      return accumulator_at(partial_results + part.partial + i * floats, view, rows);
    };
    const Accumulator sums = sums_of(work);
    for (int64_t j = 1; j < work.splits; ++j) merge(view, sums_of(works[first + j]), sums, rows);
    write_group(view, work, work.group + i, sums, float_scratch(pool, thread, view.padded_values()));
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
