// layer_norm, rms_norm: one row per task.

inline void layer_norm(Pool& pool, const sy_layer_norm_args& args) {
  const int64_t n = args.x->cols;
  const float count = static_cast<float>(n);
  const float* weight = f32_row(*args.weight, 0);
  const float* bias = f32_row(*args.bias, 0);
  parallel(pool, args.x->rows, [&](int64_t row, int thread) {
    float* place = float_scratch(pool, thread, n);
    const float* x = read_row(*args.x, row, 0, n, place);
    // The mean in two parts, the second what rounding left out of the first: so a constant row leaves nothing, and a
    // large mean does not drown a small variance.
    const float rough = sum(x, n, [](Vec v) { return v; }) / count;
    const float rest = sum(x, n, [=](Vec v) { return v - set(rough); }) / count;
    const auto centred = [=](Vec v) { return v - set(rough) - set(rest); };
    const float variance = sum(x, n, [=](Vec v) { return centred(v) * centred(v); }) / count;
    const float scale = 1.0f / __builtin_sqrtf(variance + args.eps);

    float* y = row_to_write(*args.y, row, 0, place);
    for_each_vector(n, [&](int64_t i, int64_t k) {
      const Vec normed = centred(load(x + i, k)) * set(scale);
      store(y + i, fma(normed, load(weight + i, k), load(bias + i, k)), k);
    });
    write_row(*args.y, row, 0, n, y);
  });
}

// y = x / sqrt(mean(x^2) + eps) * weight
inline void rms_norm_row(const float* x, const float* weight, float* y, int64_t n, float eps) {
  const float scale = 1.0f / __builtin_sqrtf(sum(x, n, [](Vec v) { return v * v; }) / static_cast<float>(n) + eps);
  for_each_vector(n, [&](int64_t i, int64_t k) {  //
    store(y + i, load(x + i, k) * set(scale) * load(weight + i, k), k);
  });
}

inline void rms_norm(Pool& pool, const sy_rms_norm_args& args) {
  const int64_t n = args.x->cols;
  const float* weight = f32_row(*args.weight, 0);
  parallel(pool, args.x->rows, [&](int64_t row, int thread) {
    float* place = float_scratch(pool, thread, n);
    const float* x = read_row(*args.x, row, 0, n, place);
    float* y = row_to_write(*args.y, row, 0, place);
    rms_norm_row(x, weight, y, n, args.eps);
    write_row(*args.y, row, 0, n, y);
  });
}
