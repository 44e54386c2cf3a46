// causal_conv1d: a task is one sequence and a block of channels; it carries a window of rows along the tokens.

inline void causal_conv1d(Pool& pool, const sy_causal_conv1d_args& args) {
  const sy_batch& batch = *args.batch;
  const int64_t inner = args.x->cols;
  const int64_t taps = args.weight->rows, history = taps - 1;
  const int64_t blocks = ceil_div(inner, kConvChannels);
  parallel(pool, batch.sequences * blocks, [&](int64_t index, int thread) {
    const int64_t s = index / blocks, channel = index % blocks * kConvChannels;
    const int64_t n = min64(kConvChannels, inner - channel);
    const int64_t begin = batch.seq_start[s], end = batch.seq_start[s + 1];
    const int64_t tail = batch.slot[s] * history;

    // [history + kConvTokens, kConvChannels]: the inputs before the current tokens, then those
    float* window = float_scratch(pool, thread, (history + kConvTokens + 1) * kConvChannels);
    float* place = window + (history + kConvTokens) * kConvChannels;
    const size_t row_bytes = kConvChannels * sizeof(float);
    if (batch.position[s] == 0) {
      memset(window, 0, static_cast<size_t>(history) * row_bytes);
    } else {
      for (int64_t i = 0; i < history; ++i) {
        widen(element(*args.tail, tail + i, channel), args.tail->dtype, window + i * kConvChannels, n);
      }
    }

    for (int64_t first = begin; first < end; first += kConvTokens) {
      const int64_t tokens = min64(kConvTokens, end - first);
      for (int64_t i = 0; i < tokens; ++i) {
        widen(element(*args.x, first + i, channel), args.x->dtype, window + (history + i) * kConvChannels, n);
      }
      for (int64_t i = 0; i < tokens; ++i) {
        float* y = row_to_write(*args.y, first + i, channel, place);
        for_each_vector(n, [&](int64_t c, int64_t lanes) {
          Vec sum = args.bias != nullptr ? load(f32_row(*args.bias, 0) + channel + c, lanes) : zero();
          for (int64_t k = 0; k < taps; ++k) {
            const Vec weight = load(f32_row(*args.weight, k) + channel + c, lanes);
            sum = fma(weight, load(window + (i + k) * kConvChannels + c), sum);
          }
          store(y + c, silu(sum), lanes);
        });
        write_row(*args.y, first + i, channel, n, y);
      }
      memmove(window, window + tokens * kConvChannels, static_cast<size_t>(history) * row_bytes);
    }

    for (int64_t i = 0; i < history; ++i) {
      narrow(window + i * kConvChannels, element(*args.tail, tail + i, channel), args.tail->dtype, n);
    }
  });
}
