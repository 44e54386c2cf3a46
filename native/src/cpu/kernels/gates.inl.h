// swiglu, gmu: silu(gate) * other.

inline void gate_row(const float* gate, const float* other, float* y, int64_t n) {
  for_each_vector(n, [&](int64_t i, int64_t k) { store(y + i, silu(load(gate + i, k)) * load(other + i, k), k); });
}

inline void swiglu(Pool& pool, const sy_swiglu_args& args) {
  const int64_t features = args.y->cols;
  const int64_t blocks = ceil_div(features, kGateColumns);
  parallel(pool, args.y->rows * blocks, [&](int64_t index, int thread) {
    const int64_t row = index / blocks, column = index % blocks * kGateColumns;
    const int64_t n = min64(kGateColumns, features - column);
    float* place = float_scratch(pool, thread, 2 * kGateColumns);
    const float* gate = read_row(*args.gate_up, row, column, n, place);
    const float* up = read_row(*args.gate_up, row, features + column, n, place + kGateColumns);
    float* y = row_to_write(*args.y, row, column, place);
    gate_row(gate, up, y, n);
    write_row(*args.y, row, column, n, y);
  });
}

// Without norm the pieces of a row are as independent as its rows; with it a piece is one group of the norm.
inline void gmu(Pool& pool, const sy_gmu_args& args) {
  const int64_t inner = args.gate->cols;
  const int64_t piece = args.norm_weight != nullptr ? inner / args.norm_groups : min64(inner, kGateColumns);
  const int64_t pieces = ceil_div(inner, piece);
  parallel(pool, args.gate->rows * pieces, [&](int64_t index, int thread) {
    const int64_t row = index / pieces, column = index % pieces * piece;
    const int64_t n = min64(piece, inner - column);
    float* place = float_scratch(pool, thread, 2 * piece);
    const float* gate = read_row(*args.gate, row, column, n, place);
    const float* memory = read_row(*args.memory, row, column, n, place + piece);
    float* y = row_to_write(*args.y, row, column, place);
    gate_row(gate, memory, y, n);
    if (args.norm_weight != nullptr) rms_norm_row(y, f32_row(*args.norm_weight, 0) + column, y, n, args.eps);
    write_row(*args.y, row, column, n, y);
  });
}
