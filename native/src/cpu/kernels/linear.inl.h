// linear: y = x W^T. Both of its ways cut k into blocks, sum each block front to back with one fused product per k, and
// add the blocks up in order. So a row's result is the same to the bit however many rows come with it.
//
//  - Few rows (decode) is bound by reading W: every panel is read once, straight from its packed form.
//  - Many rows (prefill) is bound by arithmetic: x is rearranged into tiles, a block of W widened to f32, and the block
//    used for all rows while it is in the first cache.

constexpr int64_t kDepthBlock = 256;                     // k per block
constexpr int64_t kDecodeRows = kLanes == 16 ? 48 : 12;  // up to here W is not widened beforehand
constexpr int64_t kPrefillRows = 240;                    // rows per pass over W
constexpr int64_t kMaxTilesPerTask = 4;
constexpr int64_t kTaskBytes = 64 << 10;  // of W, at least: claiming a task must cost nothing beside doing it

// A tile of results is held in registers, 24 of 32 or 12 of 16 with what is left for x and W.
constexpr int kLinearRows = kLanes == 16 ? 12 : kLanes == 8 ? 6 : 2;
constexpr int kLinearPanels = kLanes == 16 ? 2 : 1;
// Widening on the way takes registers as well. Up to kPairRows rows, two panels side by side hide the latency of sums.
constexpr int kDecodeTileRows = kLanes == 16 ? 12 : kLanes == 8 ? 5 : 2;
constexpr int kPairRows = kLanes == 16 ? 12 : 2;

// totals [kRows][kPanels * 16] += (or =, for the first block) x [kRows, n] times n rows of kPanels panels. x lies row
// by row, x_stride apart, or as a tile: [n][kRows].
template <int kRows, int kPanels, bool kTile, class W>
void multiply_block(const float* x, int64_t x_stride, const W* w, int64_t panel_stride, int64_t n, float* totals,
                    bool first) {
  constexpr int kVectorsPerPanel = static_cast<int>(kPanel) / kLanes;
  constexpr int kVectors = kPanels * kVectorsPerPanel;
  Vec sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) sums[r][v] = zero();
  }
  auto add_products = [&](int64_t k, const Vec(&weights)[kVectors]) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec factor = set(kTile ? x[k * kRows + r] : x[r * x_stride + k]);
#pragma GCC unroll 32
      for (int v = 0; v < kVectors; ++v) sums[r][v] = fma(factor, weights[v], sums[r][v]);
    }
  };
  auto address = [&](int64_t k, int v) {
    return w + v / kVectorsPerPanel * panel_stride + k * kPanel + v % kVectorsPerPanel * kLanes;
  };
  if constexpr (PanelUnit<W>::kElements == 2) {
    for (int64_t k = 0; k < n; k += 2) {
      Vec even[kVectors], odd[kVectors];
#pragma GCC unroll 32
      for (int v = 0; v < kVectors; ++v) {
        load_pairs(address(k, v) + v % kVectorsPerPanel * kLanes, even[v], odd[v]);
      }
      add_products(k, even);
      if (k + 1 < n) add_products(k + 1, odd);
    }
  } else {
    for (int64_t k = 0; k < n; ++k) {
      Vec weights[kVectors];
#pragma GCC unroll 32
      for (int v = 0; v < kVectors; ++v) weights[v] = load(address(k, v));
      add_products(k, weights);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (int v = 0; v < kVectors; ++v) {
      float* total = totals + r * kPanels * kPanel + v * kLanes;
      store(total, first ? sums[r][v] : load(total) + sums[r][v]);
    }
  }
}

// multiply_block for a number of rows known at run time, 1 .. kRows.
template <int kRows, int kPanels, bool kTile, class W>
void multiply_block(int64_t rows, const float* x, int64_t x_stride, const W* w, int64_t panel_stride, int64_t n,
                    float* totals, bool first) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      return multiply_block<kRows - 1, kPanels, kTile>(rows, x, x_stride, w, panel_stride, n, totals, first);
    }
  }
  multiply_block<kRows, kPanels, kTile>(x, x_stride, w, panel_stride, n, totals, first);
}

// y[row .. row + rows - 1, 16 * panel ..] = totals [rows][columns] + bias + y, as the arguments ask for.
inline void finish_linear(const sy_linear_args& args, int64_t row, int64_t rows, int64_t panel, int64_t columns,
                          const float* totals) {
  const int64_t first = panel * kPanel;
  const int64_t n = min64(columns, args.y->cols - first);
  const bool accumulate = (args.flags & SY_LINEAR_ACCUMULATE) != 0;
  with_storage(args.y->dtype, [&](auto type) {
    using Y = typename decltype(type)::type;
    for (int64_t r = 0; r < rows; ++r) {
      Y* y = reinterpret_cast<Y*>(element(*args.y, row + r, first));
      for_each_vector(n, [&](int64_t i, int64_t lanes) {
        Vec v = load(totals + r * columns + i, lanes);
        if (args.bias != nullptr) v = v + load(f32_row(*args.bias, 0) + first + i, lanes);
        if (accumulate) v = v + load(y + i, lanes);
        store(y + i, v, lanes);
      });
    }
  });
}

// All rows times panels panel .. panel + kPanels - 1, at most kRows rows at a time, in tiles of equal size: small ones
// wait for their own sums.
template <int kRows, int kPanels, class W>
void decode_panels(const sy_linear_args& args, const float* x, int64_t x_stride, int64_t panel) {
  const CpuWeight& weight = cpu_weight(args.weight);
  const int64_t rows = args.x->rows;
  const int64_t rows_per_tile = ceil_div(rows, ceil_div(rows, kRows));
  alignas(64) float totals[kDecodeRows * kPanels * kPanel];
  for (int64_t k = 0; k < weight.cols; k += kDepthBlock) {
    const int64_t n = min64(kDepthBlock, weight.cols - k);
    const W* w = panel_data<W>(weight, panel) + k * kPanel;
    for (int64_t row = 0; row < rows; row += rows_per_tile) {
      multiply_block<kRows, kPanels, false>(min64(rows_per_tile, rows - row), x + row * x_stride + k, x_stride, w,
                                            weight.depth * kPanel, n, totals + row * kPanels * kPanel, k == 0);
    }
  }
  finish_linear(args, 0, rows, panel, kPanels * kPanel, totals);
}

template <class W>
void linear_decode(Pool& pool, const sy_linear_args& args) {
  const CpuWeight& weight = cpu_weight(args.weight);
  const sy_tensor& x = *args.x;
  const float* x_data = f32_row(x, 0);
  int64_t x_stride = x.stride;
  if (x.dtype != SY_F32) {
    float* widened = static_cast<float*>(pool.shared_scratch(x.rows * x.cols * static_cast<int64_t>(sizeof(float))));
    for (int64_t row = 0; row < x.rows; ++row) widen(element(x, row, 0), x.dtype, widened + row * x.cols, x.cols);
    x_data = widened;
    x_stride = x.cols;
  }
  const int64_t panel_bytes = weight.bytes / weight.panels;
  const int64_t panels_per_task = round_up(max64(1, kTaskBytes / panel_bytes), 2);
  const bool in_pairs = kLanes == 16 || x.rows <= kPairRows;
  parallel_runs(pool, weight.panels, panels_per_task, [&](Run run, int) {
    int64_t panel = run.first;
    const int64_t end = run.end;
    for (; in_pairs && panel + 2 <= end; panel += 2) decode_panels<kPairRows, 2, W>(args, x_data, x_stride, panel);
    for (; panel < end; ++panel) decode_panels<kDecodeTileRows, 1, W>(args, x_data, x_stride, panel);
  });
}

// tiles: for each block of k, for each kLinearRows rows of x from `row` on, [k in the block][rows of the tile].
inline void rearrange_rows(const sy_tensor& x, int64_t row, int64_t tile, int64_t rows_in_pass, float* tiles,
                           float* place) {
  const int64_t first = tile * kLinearRows;
  const int64_t rows = min64(kLinearRows, rows_in_pass - first);
  for (int64_t k = 0; k < x.cols; k += kDepthBlock) {
    const int64_t n = min64(kDepthBlock, x.cols - k);
    float* to = tiles + k * rows_in_pass + first * n;
    for (int64_t r = 0; r < rows; ++r) {
      const float* from = read_row(x, row + first + r, k, n, place);
      for (int64_t i = 0; i < n; ++i) to[i * rows + r] = from[i];
    }
  }
}

// All rows of a pass times one block of k of kPanels panels.
template <int kPanels, class W>
void prefill_block(const float* tiles, int64_t rows, const W* panels, int64_t panel_stride, int64_t k, int64_t n,
                   float* widened, float* totals) {
  for (int p = 0; p < kPanels; ++p) {
    unpack_panel(panels + p * panel_stride, k, n, widened + p * kDepthBlock * kPanel);
  }
  const float* x = tiles + k * rows;
  for (int64_t row = 0; row < rows; row += kLinearRows) {
    multiply_block<kLinearRows, kPanels, true>(min64(kLinearRows, rows - row), x + row * n, 0,
                                               static_cast<const float*>(widened), kDepthBlock * kPanel, n,
                                               totals + row * kPanels * kPanel, k == 0);
  }
}

template <class W>
void linear_prefill(Pool& pool, const sy_linear_args& args) {
  const CpuWeight& weight = cpu_weight(args.weight);
  const sy_tensor& x = *args.x;
  const int64_t passes = ceil_div(x.rows, kPrefillRows);
  const int64_t rows_per_pass = round_up(ceil_div(x.rows, passes), kLinearRows);
  const int64_t panel_tiles = ceil_div(weight.panels, kLinearPanels);
  const int64_t tiles_per_task = max64(1, min64(kMaxTilesPerTask, panel_tiles / (8 * pool.threads())));
  float* tiles = static_cast<float*>(
      pool.shared_scratch(rows_per_pass * round_up(x.cols, 2) * static_cast<int64_t>(sizeof(float))));

  for (int64_t row = 0; row < x.rows; row += rows_per_pass) {
    const int64_t rows = min64(rows_per_pass, x.rows - row);
    parallel(pool, ceil_div(rows, kLinearRows), [&](int64_t tile, int) {
      float place[kDepthBlock];
      rearrange_rows(x, row, tile, rows, tiles, place);
    });
    parallel(pool, ceil_div(panel_tiles, tiles_per_task), [&](int64_t task, int thread) {
      constexpr int64_t kColumns = kLinearPanels * kPanel;
      float* widened = float_scratch(pool, thread, kDepthBlock * kColumns + tiles_per_task * rows * kColumns);
      float* totals = widened + kDepthBlock * kColumns;
      const int64_t begin = task * tiles_per_task, end = min64(panel_tiles, begin + tiles_per_task);
      for (int64_t k = 0; k < x.cols; k += kDepthBlock) {
        const int64_t n = min64(kDepthBlock, x.cols - k);
        for (int64_t tile = begin; tile < end; ++tile) {
          const int64_t panel = tile * kLinearPanels;
          const W* data = panel_data<W>(weight, panel);
          float* sums = totals + (tile - begin) * rows * kColumns;
          if (panel + kLinearPanels <= weight.panels) {
            prefill_block<kLinearPanels>(tiles, rows, data, weight.depth * kPanel, k, n, widened, sums);
          } else {
            prefill_block<1>(tiles, rows, data, weight.depth * kPanel, k, n, widened, sums);
          }
        }
      }
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t panel = tile * kLinearPanels;
        finish_linear(args, row, rows, panel, min64(kLinearPanels, weight.panels - panel) * kPanel,
                      totals + (tile - begin) * rows * kColumns);
      }
    });
  }
}

inline void linear(Pool& pool, const sy_linear_args& args) {
  with_storage(args.weight->storage, [&](auto type) {
    using W = typename decltype(type)::type;
    if (args.x->rows <= kDecodeRows) {
      linear_decode<W>(pool, args);
    } else {
      linear_prefill<W>(pool, args);
    }
  });
}
