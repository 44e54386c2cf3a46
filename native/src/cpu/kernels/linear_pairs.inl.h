// linear for many rows of bf16 x and bf16 weights where the processor multiplies pairs of bf16 (vdpbf16ps): from
// kDecodeRows + 1 rows on; below, and for other storage types, linear() does it. The two ways round a row differently:
// this one takes the sum of two products as one step and subnormal numbers as zero.
//
// It goes the way of linear_prefill: tiles of x, a block of some panels for all rows while it is in the first cache.
// The weight needs no widening: a pair of k of 16 outputs is a vector as it lies.

constexpr int64_t kPairDepthBlock = 512;  // k per block, even

// totals [kRows][kPanels * 16] += (or =, for the first block) a tile [n / 2][kRows] of pairs times n rows of kPanels
// panels.
template <int kRows, int kPanels>
void multiply_pairs(const Bf16Pair* x, const BF16* w, int64_t panel_stride, int64_t pairs, float* totals, bool first) {
  Vec sums[kRows][kPanels];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int p = 0; p < kPanels; ++p) sums[r][p] = first ? zero() : load(totals + (r * kPanels + p) * kPanel);
  }
  for (int64_t pair = 0; pair < pairs; ++pair) {
    Bf16Pairs weights[kPanels];
#pragma GCC unroll 16
    for (int p = 0; p < kPanels; ++p) weights[p] = load_bf16_pairs(w + p * panel_stride + pair * 2 * kPanel);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Bf16Pairs factors = repeat_bf16_pair(x[pair * kRows + r]);
#pragma GCC unroll 16
      for (int p = 0; p < kPanels; ++p) sums[r][p] = add_pair_products(sums[r][p], weights[p], factors);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int p = 0; p < kPanels; ++p) store(totals + (r * kPanels + p) * kPanel, sums[r][p]);
  }
}

// multiply_pairs for a number of rows known at run time, 1 .. kRows.
template <int kRows, int kPanels>
void multiply_pairs(int64_t rows, const Bf16Pair* x, const BF16* w, int64_t panel_stride, int64_t pairs, float* totals,
                    bool first) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      return multiply_pairs<kRows - 1, kPanels>(rows, x, w, panel_stride, pairs, totals, first);
    }
  }
  multiply_pairs<kRows, kPanels>(x, w, panel_stride, pairs, totals, first);
}

// tiles: for each block of k, for each kLinearRows rows of x from `row` on, [pair in the block][rows of the tile]. An
// odd last k has a zero beside it.
inline void rearrange_pairs(const sy_tensor& x, int64_t row, int64_t tile, int64_t rows_in_pass, Bf16Pair* tiles) {
  const int64_t first = tile * kLinearRows;
  const int64_t rows = min64(kLinearRows, rows_in_pass - first);
  for (int64_t k = 0; k < x.cols; k += kPairDepthBlock) {
    const int64_t n = min64(kPairDepthBlock, x.cols - k), pairs = ceil_div(n, 2);
    Bf16Pair* to = tiles + k / 2 * rows_in_pass + first * pairs;
    for (int64_t r = 0; r < rows; ++r) {
      const char* from = element(x, row + first + r, k);
      for (int64_t i = 0; i < n / 2; ++i) memcpy(&to[i * rows + r], from + 4 * i, sizeof(Bf16Pair));
      if (n % 2 != 0) {
        to[n / 2 * rows + r] = Bf16Pair{};
        memcpy(&to[n / 2 * rows + r], from + 4 * (n / 2), sizeof(BF16));
      }
    }
  }
}

// All rows of a pass times one block of kPanels panels.
template <int kPanels>
void multiply_pair_block(const Bf16Pair* tiles, int64_t rows, const BF16* panels, int64_t panel_stride, int64_t k,
                         int64_t pairs, float* totals) {
  const Bf16Pair* x = tiles + k / 2 * rows;
  for (int64_t row = 0; row < rows; row += kLinearRows) {
    multiply_pairs<kLinearRows, kPanels>(min64(kLinearRows, rows - row), x + row * pairs, panels + k * kPanel,
                                         panel_stride, pairs, totals + row * kPanels * kPanel, k == 0);
  }
}

inline void linear_in_pairs(Pool& pool, const sy_linear_args& args) {
  const CpuWeight& weight = cpu_weight(args.weight);
  const sy_tensor& x = *args.x;
  const int64_t passes = ceil_div(x.rows, kPrefillRows);
  const int64_t rows_per_pass = round_up(ceil_div(x.rows, passes), kLinearRows);
  const int64_t panel_tiles = ceil_div(weight.panels, kLinearPanels);
  const int64_t tiles_per_task = max64(1, min64(kMaxTilesPerTask, panel_tiles / (8 * pool.threads())));
  auto* tiles = static_cast<Bf16Pair*>(
      pool.shared_scratch(rows_per_pass * ceil_div(x.cols, 2) * static_cast<int64_t>(sizeof(Bf16Pair))));

  for (int64_t row = 0; row < x.rows; row += rows_per_pass) {
    const int64_t rows = min64(rows_per_pass, x.rows - row);
    parallel(pool, ceil_div(rows, kLinearRows), [&](int64_t tile, int) { rearrange_pairs(x, row, tile, rows, tiles); });
    parallel(pool, ceil_div(panel_tiles, tiles_per_task), [&](int64_t task, int thread) {
      constexpr int64_t kColumns = kLinearPanels * kPanel;
      float* totals = float_scratch(pool, thread, tiles_per_task * rows * kColumns);
      const int64_t begin = task * tiles_per_task, end = min64(panel_tiles, begin + tiles_per_task);
      for (int64_t k = 0; k < x.cols; k += kPairDepthBlock) {
        const int64_t pairs = ceil_div(min64(kPairDepthBlock, x.cols - k), 2);
        for (int64_t tile = begin; tile < end; ++tile) {
          const int64_t panel = tile * kLinearPanels;
          const BF16* data = panel_data<BF16>(weight, panel);
          float* sums = totals + (tile - begin) * rows * kColumns;
          if (panel + kLinearPanels <= weight.panels) {
            multiply_pair_block<kLinearPanels>(tiles, rows, data, weight.depth * kPanel, k, pairs, sums);
          } else {
            multiply_pair_block<1>(tiles, rows, data, weight.depth * kPanel, k, pairs, sums);
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

inline void linear_with_pairs(Pool& pool, const sy_linear_args& args) {
  if (args.x->dtype == SY_BF16 && args.weight->storage == SY_BF16 && args.x->rows > kDecodeRows) {
    linear_in_pairs(pool, args);
  } else {
    linear(pool, args);
  }
}

inline double probe_with_pairs(Pool& pool, Probe what, const char* memory, int64_t bytes) {
  if (what != Probe::kBf16Products) return probe(pool, what, memory, bytes);
  constexpr int64_t kPasses = 16, kRounds = 1 << 14;
  parallel(pool, pool.threads(), [&](int64_t, int thread) {
    float* numbers = float_scratch(pool, thread, (kProbeVectors + 1) * kLanes);
    memset(numbers, 0, static_cast<size_t>((kProbeVectors + 1) * kLanes) * sizeof(float));
    const Bf16Pairs factors = load_bf16_pairs(reinterpret_cast<const BF16*>(numbers));
    for (int64_t pass = 0; pass < kPasses; ++pass) {  // around it all, as in multiply_and_add_bytes
      Vec sums[kProbeVectors];
#pragma GCC unroll 32
      for (int i = 0; i < kProbeVectors; ++i) sums[i] = load(numbers + i * kLanes);
      for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 32
        for (int i = 0; i < kProbeVectors; ++i) sums[i] = add_pair_products(sums[i], factors, factors);
      }
#pragma GCC unroll 32
      for (int i = 0; i < kProbeVectors; ++i) store(numbers + (i + 1) * kLanes, sums[i]);
    }
  });
  return 2.0 * 2 * kLanes * kProbeVectors * kPasses * kRounds * pool.threads();
}
