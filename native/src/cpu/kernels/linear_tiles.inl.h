// linear for bf16 x and bf16 weights on matrix tiles: products of bf16, sums in f32. From kTileMinRows rows on; below,
// and for other storage types, linear() does it. The two ways round a row differently.
//
// This has been proven with software tiles (tests/linear_test.cc) and has not run on a processor with AMX yet.

constexpr int64_t kTileMinRows = 16;
constexpr int64_t kTileEdge = 16;   // rows of x, and outputs, per tile
constexpr int64_t kTileDepth = 32;  // k per tile
constexpr int64_t kTileBytes = 1024;
constexpr int64_t kTilesDeep = 16;               // tiles along k per block: 16 KiB of a panel, 16 KiB of 16 rows
constexpr int64_t kTileRowsPerPass = 512;        // rows of x per pass over the weight, a multiple of 32
constexpr int64_t kTileColumns = 2 * kTileEdge;  // outputs of one task

// x as tiles, [row / 16][k / 32][16][32], filled up with zeros.
inline void rearrange_as_tiles(const sy_tensor& x, int64_t row, int64_t rows, int64_t tiles_deep, BF16* to) {
  for (int64_t deep = 0; deep < tiles_deep; ++deep) {
    const int64_t k = deep * kTileDepth;
    const int64_t n = min64(kTileDepth, x.cols - k);
    for (int64_t r = 0; r < kTileEdge; ++r, to += kTileDepth) {
      const int64_t copied = r < rows ? n : 0;
      if (copied < kTileDepth) memset(to, 0, kTileDepth * sizeof(BF16));
      if (copied > 0) memcpy(to, element(x, row + r, k), static_cast<size_t>(copied) * sizeof(BF16));
    }
  }
}

// totals [32][32] += (or =) 32 rows of x times two panels, over `deep` tiles of k.
inline void multiply_tiles(Tiles& tiles, const char* x0, const char* x1, const char* w0, const char* w1, int64_t deep,
                           float* totals, bool first) {
  constexpr int64_t kStride = kTileColumns * static_cast<int64_t>(sizeof(float));
  float* corner[2][2] = {{totals, totals + kTileEdge},
                         {totals + kTileEdge * kTileColumns, totals + kTileEdge * kTileColumns + kTileEdge}};
  if (first) {
    tiles.zero<0>();
    tiles.zero<1>();
    tiles.zero<2>();
    tiles.zero<3>();
  } else {
    tiles.load<0>(corner[0][0], kStride);
    tiles.load<1>(corner[0][1], kStride);
    tiles.load<2>(corner[1][0], kStride);
    tiles.load<3>(corner[1][1], kStride);
  }
  for (int64_t i = 0; i < deep * kTileBytes; i += kTileBytes) {
    tiles.load<4>(x0 + i, kTileBytesPerRow);
    tiles.load<6>(w0 + i, kTileBytesPerRow);
    tiles.multiply<0, 4, 6>();
    tiles.load<7>(w1 + i, kTileBytesPerRow);
    tiles.multiply<1, 4, 7>();
    tiles.load<5>(x1 + i, kTileBytesPerRow);
    tiles.multiply<2, 5, 6>();
    tiles.multiply<3, 5, 7>();
  }
  tiles.store<0>(corner[0][0], kStride);
  tiles.store<1>(corner[0][1], kStride);
  tiles.store<2>(corner[1][0], kStride);
  tiles.store<3>(corner[1][1], kStride);
}

inline void linear_on_tiles(Pool& pool, const sy_linear_args& args) {
  const CpuWeight& weight = cpu_weight(args.weight);
  const sy_tensor& x = *args.x;
  const int64_t tiles_deep = weight.depth / kTileDepth;
  const int64_t passes = ceil_div(x.rows, kTileRowsPerPass);
  const int64_t rows_per_pass = round_up(ceil_div(x.rows, passes), 2 * kTileEdge);
  const int64_t strip = tiles_deep * kTileBytes;  // bytes of 16 rows of x, and of a panel
  char* x_tiles = static_cast<char*>(pool.shared_scratch(rows_per_pass / kTileEdge * strip));

  for (int64_t row = 0; row < x.rows; row += rows_per_pass) {
    const int64_t rows = min64(rows_per_pass, x.rows - row);
    const int64_t strips = round_up(rows, 2 * kTileEdge) / kTileEdge;
    parallel(pool, strips, [&](int64_t s, int) {
      rearrange_as_tiles(x, row + s * kTileEdge, rows - s * kTileEdge, tiles_deep,
                         reinterpret_cast<BF16*>(x_tiles + s * strip));
    });
    parallel(pool, ceil_div(weight.panels, 2), [&](int64_t task, int thread) {
      const int64_t panel = 2 * task;
      const int64_t last = min64(panel + 1, weight.panels - 1);  // an odd panel at the end is done twice, unused
      const char* w0 = reinterpret_cast<const char*>(panel_data<BF16>(weight, panel));
      const char* w1 = reinterpret_cast<const char*>(panel_data<BF16>(weight, last));
      float* totals = float_scratch(pool, thread, strips * kTileEdge * kTileColumns);
      {
        Tiles tiles;
        for (int64_t deep = 0; deep < tiles_deep; deep += kTilesDeep) {
          const int64_t offset = deep * kTileBytes;
          for (int64_t s = 0; s < strips; s += 2) {
            const char* x0 = x_tiles + s * strip + offset;
            multiply_tiles(tiles, x0, x0 + strip, w0 + offset, w1 + offset, min64(kTilesDeep, tiles_deep - deep),
                           totals + s * kTileEdge * kTileColumns, deep == 0);
          }
        }
      }
      finish_linear(args, row, rows, panel, kTileColumns, totals);
    });
  }
}

inline void linear_with_tiles(Pool& pool, const sy_linear_args& args) {
  if (args.x->dtype == SY_BF16 && args.weight->storage == SY_BF16 && args.x->rows >= kTileMinRows) {
    linear_on_tiles(pool, args);
  } else {
    linear(pool, args);
  }
}

// The rate of the tiles alone, without the loads that feed them.
inline double probe_with_tiles(Pool& pool, Probe what, const char* memory, int64_t bytes) {
  if (what != Probe::kBf16Products && what != Probe::kInt8Products) return probe(pool, what, memory, bytes);
  const bool bf16 = what == Probe::kBf16Products;
  constexpr int64_t kRounds = 1 << 14, kProducts = 4;
  parallel(pool, pool.threads(), [&](int64_t, int) {
    Tiles tiles;
    tiles.zero<0>(), tiles.zero<1>(), tiles.zero<2>(), tiles.zero<3>();
    tiles.zero<4>(), tiles.zero<5>(), tiles.zero<6>(), tiles.zero<7>();
    for (int64_t round = 0; round < kRounds; ++round) {
      if (bf16) {
        tiles.multiply<0, 4, 6>();
        tiles.multiply<1, 4, 7>();
        tiles.multiply<2, 5, 6>();
        tiles.multiply<3, 5, 7>();
      } else {
        tiles.multiply_bytes<0, 4, 6>();
        tiles.multiply_bytes<1, 4, 7>();
        tiles.multiply_bytes<2, 5, 6>();
        tiles.multiply_bytes<3, 5, 7>();
      }
    }
  });
  const int64_t depth = bf16 ? kTileDepth : 2 * kTileDepth;
  return 2.0 * static_cast<double>(kTileEdge * kTileEdge * depth * kProducts * kRounds * pool.threads());
}
