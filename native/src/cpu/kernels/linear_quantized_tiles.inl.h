// linear for int8 and int4 weights on matrix tiles, by the rule of linear_quantized.inl.h and to the same bits: a tile
// multiplies one group of 32 columns, and its integers are scaled and added up outside.
//
// Proven with software tiles (tests/quantized_test.cc); it has not run on a processor with AMX yet.

constexpr int64_t kQuantizedTileMinRows = 32;       // below, dot products of vectors do it
constexpr int64_t kQuantizedTileRowsPerPass = 256;  // a multiple of 32
constexpr int64_t kByteTile = kPanel * SY_GROUP;    // bytes of one group of a panel, each code in a byte
constexpr int64_t kSumsOfTile = kTileEdge * kTileEdge;

// One group of a panel as a tile of bytes, where it lies or in `place`.
template <class Panel>
const uint8_t* weight_tile(const uint8_t* codes, uint8_t* place) {
  if constexpr (Panel::kGroupBytes == kByteTile) {
    return codes;
  } else {
    for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
      Codes bytes[kCodesPerGroup];
      Panel::load(codes, lane, bytes);
      for (int i = 0; i < kCodesPerGroup; ++i) store_codes(place + (i * kPanel + lane) * 4, bytes[i]);
    }
    return place;
  }
}

// totals [16][32] += (or =, for the first group) a tile of sums, scaled: 16 rows of x by the 16 rows of a panel.
inline void add_scaled(const int32_t* sums, const ActivationGroup* x, const F16* scales, bool first, float* totals) {
  for (int64_t v = 0; v < kPanel; v += kLanes) {
    const Vec weight_scales = load(scales + v);
    for (int64_t r = 0; r < kTileEdge; ++r) {
      const Vec scaled = float_of(sums + r * kTileEdge + v, x[r].start) * weight_scales * set(x[r].scale);
      float* total = totals + r * kTileColumns + v;
      store(total, (first ? zero() : load(total)) + scaled);
    }
  }
}

// 32 rows of x times one group of two panels. x1 are the second 16 rows.
inline void multiply_group_tiles(Tiles& tiles, const ActivationGroup* x0, const ActivationGroup* x1,
                                 const uint8_t* const (&weights)[2], const F16* const (&scales)[2], bool first,
                                 float* totals) {
  constexpr int64_t kRowStride = sizeof(ActivationGroup), kSumStride = kTileEdge * 4;
  alignas(64) int32_t sums[4][kSumsOfTile];
  tiles.zero<0>();
  tiles.zero<1>();
  tiles.zero<2>();
  tiles.zero<3>();
  tiles.load<4>(x0, kRowStride);
  tiles.load<6>(weights[0], kTileBytesPerRow);
  tiles.multiply_bytes<0, 4, 6>();
  tiles.load<7>(weights[1], kTileBytesPerRow);
  tiles.multiply_bytes<1, 4, 7>();
  tiles.load<5>(x1, kRowStride);
  tiles.multiply_bytes<2, 5, 6>();
  tiles.multiply_bytes<3, 5, 7>();
  tiles.store<0>(sums[0], kSumStride);
  tiles.store<1>(sums[1], kSumStride);
  tiles.store<2>(sums[2], kSumStride);
  tiles.store<3>(sums[3], kSumStride);
  float* lower = totals + kTileEdge * kTileColumns;
  add_scaled(sums[0], x0, scales[0], first, totals);
  add_scaled(sums[1], x0, scales[1], first, totals + kTileEdge);
  add_scaled(sums[2], x1, scales[0], first, lower);
  add_scaled(sums[3], x1, scales[1], first, lower + kTileEdge);
}

// All rows of a pass, in strips of 32, times panels `panel` and the next (the same where there is none).
template <class Panel>
void multiply_strips(const CpuWeight& weight, const ActivationGroup* x, int64_t rows, int64_t panel, uint8_t* place,
                     float* totals) {
  const int64_t groups = weight.cols / SY_GROUP;
  const char* panels[2] = {quantized_panel(weight, panel),
                           quantized_panel(weight, min64(panel + 1, weight.panels - 1))};
  Tiles tiles(kGroupTiles);
  for (int64_t g = 0; g < groups; ++g) {
    const uint8_t* weights[2];
    const F16* scales[2];
    for (int p = 0; p < 2; ++p) {
      const PanelGroup group = panel_group<Panel>(panels[p], static_cast<uint64_t>(g));
      weights[p] = weight_tile<Panel>(group.codes, place + p * kByteTile);
      scales[p] = group.scales;
    }
    for (int64_t row = 0; row < rows; row += 2 * kTileEdge) {
      const ActivationGroup* x0 = x + row * groups + g * kTileEdge;
      multiply_group_tiles(tiles, x0, x0 + kTileEdge * groups, weights, scales, g == 0, totals + row * kTileColumns);
    }
  }
}

inline void linear_quantized_on_tiles(Pool& pool, const sy_linear_args& args) {
  const CpuWeight& weight = cpu_weight(args.weight);
  const sy_tensor& x = *args.x;
  const int64_t groups = x.cols / SY_GROUP;
  const int64_t passes = ceil_div(x.rows, kQuantizedTileRowsPerPass);
  const int64_t rows_per_pass = round_up(ceil_div(x.rows, passes), 2 * kTileEdge);
  auto* tiled = static_cast<ActivationGroup*>(
      pool.shared_scratch(rows_per_pass * groups * static_cast<int64_t>(sizeof(ActivationGroup))));

  with_panels(weight.storage, [&](auto of_panel) {
    using Panel = decltype(of_panel);
    for (int64_t row = 0; row < x.rows; row += rows_per_pass) {
      const int64_t rows = min64(rows_per_pass, x.rows - row), room = round_up(rows, 2 * kTileEdge);
      quantize_rows_of_x(pool, x, row, rows, room, kTileEdge, Panel::kZero, tiled);
      parallel(pool, ceil_div(weight.panels, 2), [&](int64_t task, int thread) {
        float* totals = float_scratch(pool, thread, room * kTileColumns + 2 * kByteTile / 4);
        auto* place = reinterpret_cast<uint8_t*>(totals + room * kTileColumns);
        multiply_strips<Panel>(weight, tiled, room, 2 * task, place, totals);
        finish_linear(args, row, rows, 2 * task, kTileColumns, totals);
      });
    }
  });
}

inline void linear_quantized_with_tiles(Pool& pool, const sy_linear_args& args) {
  if (args.x->rows >= kQuantizedTileMinRows) {
    linear_quantized_on_tiles(pool, args);
  } else {
    linear_quantized(pool, args);
  }
}
