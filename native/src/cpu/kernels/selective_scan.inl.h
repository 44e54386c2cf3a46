// selective_scan: a task is one sequence and a block of channels. Within it a few tokens at a time are widened into
// arrays that fit the first cache, and then each vector of channels walks along them with its states in registers.

struct ScanTile {
  float* a;      // [state, kScanChannels]
  float* state;  // [state, kScanChannels]
  float* delta;  // [kScanTokens, kScanChannels] after softplus
  float* x;      // [kScanTokens, kScanChannels]
  float* y;      // [kScanTokens, kScanChannels]
  float* b;      // [kScanTokens, state]
  float* c;      // [kScanTokens, state]
  int64_t states;
};

inline int64_t scan_tile_floats(int64_t states) {
  return (2 * states + 3 * kScanTokens) * kScanChannels + 2 * kScanTokens * states;
}

inline ScanTile scan_tile(float* memory, int64_t states) {
  ScanTile tile{};
  tile.states = states;
  tile.a = memory;
  tile.state = tile.a + states * kScanChannels;
  tile.delta = tile.state + states * kScanChannels;
  tile.x = tile.delta + kScanTokens * kScanChannels;
  tile.y = tile.x + kScanTokens * kScanChannels;
  tile.b = tile.y + kScanTokens * kScanChannels;
  tile.c = tile.b + kScanTokens * states;
  return tile;
}

// Where a vector of channels finds its rows of a and of its states: in a tile, or, for a single token, at home.
struct ScanRows {
  const float* a;
  float* state;
  int64_t a_stride, state_stride;
};

// The tokens after those of the tile. Each is asked for while its predecessor is computed: pieces of rows that lie far
// apart are no stream that a processor would see coming.
struct UpcomingTokens {
  static constexpr int kMatrices = 5;  // delta, x, z, y, y_ungated, as far as there are such
  const char* rows[kMatrices];         // at the present channels
  int64_t strides[kMatrices];          // in bytes
  int matrices;
  int64_t tokens;

  // Inlined by force: gcc takes a function that does nothing but this for one without effect, and drops its calls.
  [[gnu::always_inline]] void ask(int64_t t) const {
    if (t >= tokens) return;
    for (int i = 0; i < matrices; ++i) __builtin_prefetch(rows[i] + t * strides[i]);
  }
};

inline UpcomingTokens upcoming_tokens(const sy_selective_scan_args& args, int64_t first, int64_t tokens,
                                      int64_t channel) {
  UpcomingTokens upcoming{};
  upcoming.tokens = tokens;
  if (tokens <= 0) return upcoming;
  for (const sy_tensor* tensor : {args.delta, args.x, args.z, static_cast<const sy_tensor*>(args.y),
                                  static_cast<const sy_tensor*>(args.y_ungated)}) {
    if (tensor == nullptr) continue;
    upcoming.rows[upcoming.matrices] = element(*tensor, first, channel);
    upcoming.strides[upcoming.matrices++] = tensor->stride * element_size(tensor->dtype);
  }
  return upcoming;
}

// States first .. first + K - 1 of kLanes channels along the tile's tokens; adds their part to y.
template <int K>
void scan_states(const ScanTile& tile, const ScanRows& rows, int64_t first, int64_t channel, int64_t tokens,
                 const UpcomingTokens& upcoming) {
  const float* a = rows.a + first * rows.a_stride;
  float* kept = rows.state + first * rows.state_stride;
  Vec state[K];
#pragma GCC unroll 16
  for (int k = 0; k < K; ++k) state[k] = load(kept + k * rows.state_stride);
  for (int64_t t = 0; t < tokens; ++t) {
    upcoming.ask(t);
    const Vec delta = load(tile.delta + t * kScanChannels + channel);
    const Vec input = delta * load(tile.x + t * kScanChannels + channel);
    const Vec rate = delta * set(0x1.715476p0f);  // exp(v) = 2^(v / ln 2)
    const float* b = tile.b + t * tile.states + first;
    const float* c = tile.c + t * tile.states + first;
    float* y = tile.y + t * kScanChannels + channel;
    Vec even = load(y), odd = zero();
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
      state[k] = fma(exp2(rate * load(a + k * rows.a_stride)), state[k], input * set(b[k]));
      Vec& sum = k % 2 == 0 ? even : odd;
      sum = fma(state[k], set(c[k]), sum);
    }
    store(y, even + odd);
  }
#pragma GCC unroll 16
  for (int k = 0; k < K; ++k) store(kept + k * rows.state_stride, state[k]);
}

// All states of kLanes channels.
inline void scan_channels(const ScanTile& tile, const ScanRows& rows, int64_t channel, int64_t tokens,
                          const UpcomingTokens& upcoming) {
  const UpcomingTokens nothing{};
  int64_t k = 0;
  for (; k + kScanStates <= tile.states; k += kScanStates) {
    scan_states<kScanStates>(tile, rows, k, channel, tokens, k == 0 ? upcoming : nothing);
  }
  for (; k + 4 <= tile.states; k += 4) scan_states<4>(tile, rows, k, channel, tokens, nothing);
  for (; k < tile.states; ++k) scan_states<1>(tile, rows, k, channel, tokens, nothing);
}

// Tokens first .. first + tokens - 1 into the tile: softplus of delta, the D skip as the beginning of y.
inline void stage_scan(const sy_selective_scan_args& args, const ScanTile& tile, int64_t first, int64_t tokens,
                       int64_t channel, int64_t n) {
  for (int64_t t = 0; t < tokens; ++t) {
    float* delta = tile.delta + t * kScanChannels;
    float* x = tile.x + t * kScanChannels;
    float* y = tile.y + t * kScanChannels;
    const float* raw_delta = read_row(*args.delta, first + t, channel, n, delta);
    const float* raw_x = read_row(*args.x, first + t, channel, n, x);
    widen(element(*args.b, first + t, 0), args.b->dtype, tile.b + t * tile.states, tile.states);
    widen(element(*args.c, first + t, 0), args.c->dtype, tile.c + t * tile.states, tile.states);
    for_each_vector(n, [&](int64_t i, int64_t lanes) {
      const Vec bias = args.delta_bias != nullptr ? load(f32_row(*args.delta_bias, 0) + channel + i, lanes) : zero();
      const Vec skip = args.d != nullptr ? load(f32_row(*args.d, 0) + channel + i, lanes) : zero();
      store(delta + i, keep_first(softplus(load(raw_delta + i, lanes) + bias), lanes));
      const Vec value = load(raw_x + i, lanes);
      store(x + i, value);
      store(y + i, skip * value);
    });
  }
}

// y_ungated = y and y = y * silu(z), out of the tile.
inline void finish_scan(const sy_selective_scan_args& args, const ScanTile& tile, int64_t first, int64_t tokens,
                        int64_t channel, int64_t n) {
  for (int64_t t = 0; t < tokens; ++t) {
    float* y = tile.y + t * kScanChannels;
    if (args.y_ungated != nullptr) {
      narrow(y, element(*args.y_ungated, first + t, channel), args.y_ungated->dtype, n);
    }
    if (args.y == nullptr) continue;
    if (args.z != nullptr) {
      const float* z = read_row(*args.z, first + t, channel, n, tile.x);  // x has served
      gate_row(z, y, y, n);
    }
    narrow(y, element(*args.y, first + t, channel), args.y->dtype, n);
  }
}

// The rows of a and of one sequence's states, [2 * states], for some channels.
struct StateRows {
  ScanRows rows;
  int64_t states, channels;

  // Asks for rows first .. end - 1 of them, those of a before those of the states. They go into the second cache: rows
  // lie so that most of them would share a few lines of the first. (Inlined by force, as above.)
  [[gnu::always_inline]] void ask(int64_t first, int64_t end) const {
    for (int64_t r = first; r < min64(end, 2 * states); ++r) {
      const float* row = r < states ? rows.a + r * rows.a_stride : rows.state + (r - states) * rows.state_stride;
      for (int64_t i = 0; i < channels; i += kLineFloats) __builtin_prefetch(row + i, 0, 2);
    }
  }
};

// Whether every sequence has one token and a past, and channels are whole vectors: the step of a decode.
inline bool all_single(const sy_selective_scan_args& args) {
  const sy_batch& batch = *args.batch;
  bool single = args.x->rows == batch.sequences && args.x->cols % kLanes == 0;
  for (int32_t s = 0; s < batch.sequences; ++s) single = single && batch.position[s] != 0;
  return single;
}

// A single token meets each state once: it is changed where it is. Memory is the limit, and a block of channels is many
// short pieces far apart, no stream that a processor would see coming: so each thread asks for the next block, row by
// row, while it computes one.
inline void scan_single_tokens(Pool& pool, const sy_selective_scan_args& args) {
  const sy_batch& batch = *args.batch;
  const int64_t inner = args.x->cols, states = args.a->rows;
  const int64_t share = ceil_div(inner * batch.sequences, kScanTasksPerThread * pool.threads());
  const int64_t width = min64(round_up(inner, kScanChannels), round_up(share, kScanChannels));
  const int64_t parts = ceil_div(inner, width);
  parallel(pool, batch.sequences * parts, [&](int64_t index, int thread) {
    const int64_t s = index / parts, row = batch.seq_start[s], slot = batch.slot[s] * states;
    const int64_t begin = index % parts * width, end = min64(inner, begin + width);
    const ScanTile tile = scan_tile(float_scratch(pool, thread, scan_tile_floats(states)), states);
    const auto rows_of = [&](int64_t channel) {
      return StateRows{
          {f32_row(*args.a, 0) + channel, f32_row(*args.state, slot) + channel, args.a->stride, args.state->stride},
          states,
          max64(0, min64(kScanChannels, end - channel))};
    };
    rows_of(begin).ask(0, 2 * states);
    for (int64_t channel = begin; channel < end; channel += kScanChannels) {
      const StateRows block = rows_of(channel), next = rows_of(channel + kScanChannels);
      const int64_t step = ceil_div(2 * states, block.channels / kLanes);  // rows of the next for each vector of this
      stage_scan(args, tile, row, 1, channel, block.channels);
      for (int64_t i = 0; i < block.channels; i += kLanes) {
        next.ask(i / kLanes * step, (i / kLanes + 1) * step);
        const ScanRows rows{block.rows.a + i, block.rows.state + i, block.rows.a_stride, block.rows.state_stride};
        scan_channels(tile, rows, i, 1, {});
      }
      finish_scan(args, tile, row, 1, channel, block.channels);
    }
  });
}

inline void selective_scan(Pool& pool, const sy_selective_scan_args& args) {
  if (all_single(args)) return scan_single_tokens(pool, args);
  const sy_batch& batch = *args.batch;
  const int64_t inner = args.x->cols, states = args.a->rows;
  const int64_t share = ceil_div(inner * batch.sequences, kScanTasksPerThread * pool.threads());
  const int64_t width = min64(kScanChannels, round_up(share, kCacheLine));
  const int64_t blocks = ceil_div(inner, width);
  parallel(pool, batch.sequences * blocks, [&](int64_t index, int thread) {
    const int64_t s = index / blocks, channel = index % blocks * width;
    const int64_t n = min64(width, inner - channel);
    const int64_t begin = batch.seq_start[s], end = batch.seq_start[s + 1];
    const int64_t slot = batch.slot[s] * states;
    const ScanTile tile = scan_tile(float_scratch(pool, thread, scan_tile_floats(states)), states);

    // Lanes past the last channel start as zeros and stay so.
    const size_t bytes = static_cast<size_t>(n) * sizeof(float);
    if (n % kLanes != 0 || batch.position[s] == 0) {
      memset(tile.a, 0, static_cast<size_t>(2 * states * kScanChannels) * sizeof(float));
    }
    for (int64_t k = 0; k < states; ++k) {
      memcpy(tile.a + k * kScanChannels, f32_row(*args.a, k) + channel, bytes);
      if (batch.position[s] != 0) {
        memcpy(tile.state + k * kScanChannels, f32_row(*args.state, slot + k) + channel, bytes);
      }
    }

    for (int64_t first = begin; first < end; first += kScanTokens) {
      const int64_t tokens = min64(kScanTokens, end - first);
      stage_scan(args, tile, first, tokens, channel, n);
      const int64_t after = first + tokens;
      for (int64_t i = 0; i < n; i += kLanes) {
        const ScanRows rows{tile.a + i, tile.state + i, kScanChannels, kScanChannels};
        scan_channels(tile, rows, i, tokens,
                      upcoming_tokens(args, after, min64(kScanTokens, end - after), channel + i));
      }
      finish_scan(args, tile, first, tokens, channel, n);
    }

    for (int64_t k = 0; k < states; ++k) {
      memcpy(f32_row(*args.state, slot + k) + channel, tile.state + k * kScanChannels, bytes);
    }
  });
}
