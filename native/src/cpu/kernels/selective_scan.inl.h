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

// States first .. first + K - 1 of kLanes channels along the tile's tokens; adds their part to y.
template <int K>
void scan_states(const ScanTile& tile, int64_t first, int64_t channel, int64_t tokens) {
  const float* a = tile.a + first * kScanChannels + channel;
  float* kept = tile.state + first * kScanChannels + channel;
  Vec state[K];
#pragma GCC unroll 16
  for (int k = 0; k < K; ++k) state[k] = load(kept + k * kScanChannels);
  for (int64_t t = 0; t < tokens; ++t) {
    const Vec delta = load(tile.delta + t * kScanChannels + channel);
    const Vec input = delta * load(tile.x + t * kScanChannels + channel);
    const Vec rate = delta * set(0x1.715476p0f);  // exp(v) = 2^(v / ln 2)
    const float* b = tile.b + t * tile.states + first;
    const float* c = tile.c + t * tile.states + first;
    float* y = tile.y + t * kScanChannels + channel;
    Vec even = load(y), odd = zero();
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
      state[k] = fma(exp2(rate * load(a + k * kScanChannels)), state[k], input * set(b[k]));
      Vec& sum = k % 2 == 0 ? even : odd;
      sum = fma(state[k], set(c[k]), sum);
    }
    store(y, even + odd);
  }
#pragma GCC unroll 16
  for (int k = 0; k < K; ++k) store(kept + k * kScanChannels, state[k]);
}

// Tokens first .. first + tokens - 1 into the tile: softplus of delta, the D skip as the beginning of y.
inline void stage_scan(const sy_selective_scan_args& args, const ScanTile& tile, int64_t first, int64_t tokens,
                       int64_t channel, int64_t n) {
  for (int64_t t = 0; t < tokens; ++t) {
    float* delta = tile.delta + t * kScanChannels;
    float* x = tile.x + t * kScanChannels;
    float* y = tile.y + t * kScanChannels;
    widen(element(*args.delta, first + t, channel), args.delta->dtype, delta, n);
    widen(element(*args.x, first + t, channel), args.x->dtype, x, n);
    widen(element(*args.b, first + t, 0), args.b->dtype, tile.b + t * tile.states, tile.states);
    widen(element(*args.c, first + t, 0), args.c->dtype, tile.c + t * tile.states, tile.states);
    for_each_vector(n, [&](int64_t i, int64_t lanes) {
      const Vec bias = args.delta_bias != nullptr ? load(f32_row(*args.delta_bias, 0) + channel + i, lanes) : zero();
      const Vec skip = args.d != nullptr ? load(f32_row(*args.d, 0) + channel + i, lanes) : zero();
      store(delta + i, keep_first(softplus(load(delta + i) + bias), lanes));
      const Vec value = keep_first(load(x + i), lanes);
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

inline void selective_scan(Pool& pool, const sy_selective_scan_args& args) {
  const sy_batch& batch = *args.batch;
  const int64_t inner = args.x->cols, states = args.a->rows;
  const int64_t blocks = ceil_div(inner, kScanChannels);
  parallel(pool, batch.sequences * blocks, [&](int64_t index, int thread) {
    const int64_t s = index / blocks, channel = index % blocks * kScanChannels;
    const int64_t n = min64(kScanChannels, inner - channel);
    const int64_t begin = batch.seq_start[s], end = batch.seq_start[s + 1];
    const int64_t slot = batch.slot[s] * states;
    const ScanTile tile = scan_tile(float_scratch(pool, thread, scan_tile_floats(states)), states);

    // Lanes past the last channel start as zeros and stay so.
    const size_t bytes = static_cast<size_t>(n) * sizeof(float);
    if (n < kScanChannels || batch.position[s] == 0) {
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
      for (int64_t i = 0; i < n; i += kLanes) {
        int64_t k = 0;
        for (; k + kScanStates <= states; k += kScanStates) scan_states<kScanStates>(tile, k, i, tokens);
        for (; k + 4 <= states; k += 4) scan_states<4>(tile, k, i, tokens);
        for (; k < states; ++k) scan_states<1>(tile, k, i, tokens);
      }
      finish_scan(args, tile, first, tokens, channel, n);
    }

    for (int64_t k = 0; k < states; ++k) {
      memcpy(f32_row(*args.state, slot + k) + channel, tile.state + k * kScanChannels, bytes);
    }
  });
}
