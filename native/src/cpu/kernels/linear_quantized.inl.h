// linear for int8 and int4 weights. Every group of 32 columns of a row of x is rounded to 8 bits first; then
//
//   y = sum over the groups, from the first to the last, of (f32(integer dot product) * weight's scale) * x's scale
//
// with each step rounded to f32. The dot products are exact, so every target gives the same bits, and so does a row
// alone and among any others. docs/quantization.md states the rule, ReferenceBackend repeats it.
//
//  - Few rows (decode) is bound by reading W: every panel is read once, front to back.
//  - Many rows (prefill) is bound by arithmetic: 16 groups of a panel stay in the first cache for all rows of a pass,
//    and the same columns of x in the second for some panels.

// A group of one row of x: x = scale * codes.
struct ActivationGroup {
  int8_t codes[SY_GROUP];
  float scale;
  int32_t start;  // -(what code 0 of the weight is stored as) * sum of codes: where sums over stored codes begin
};

constexpr int kQuantizedRows = kDotInstruction ? 12
                               : kLanes == 16  ? 8
                                               : 4;           // rows per tile, for the registers there are
constexpr int64_t kQuantizedPassRows = 20 * kQuantizedRows;  // rows per pass over W
constexpr int64_t kQuantizedFewRows = 4 * kQuantizedRows;    // up to here W is read front to back
constexpr int64_t kGroupsPerBlock = 16;                      // even
constexpr int64_t kPanelsPerBlock = 4;
constexpr int64_t kGroupsPerTask = 64;  // of x, to round
constexpr int64_t kReadAhead = 8192;    // bytes: the processor's own prefetch alone leaves a tenth to a third behind

// A magnitude below which a group counts as zero: its scale would be no normal number.
constexpr float kSmallestActivation = 0x1p-100f;

inline void quantize_activations(const float* x, int32_t zero_code, ActivationGroup& to) {
  // As bits: the order of magnitudes is that of the numbers, infinity and NaN at the end.
  int32_t largest = 0;
  for (int i = 0; i < SY_GROUP; ++i) {
    const int32_t magnitude = __builtin_bit_cast(int32_t, x[i]) & 0x7fffffff;
    largest = magnitude > largest ? magnitude : largest;
  }
  const float limit = __builtin_bit_cast(float, largest);
  const bool finite = largest < 0x7f800000, counts = finite && limit >= kSmallestActivation;
  const float inverse = counts ? 127 / limit : 0;
  int32_t sum = 0;
  if (finite) {
    for (int i = 0; i < SY_GROUP; ++i) {
      const int32_t code = static_cast<int32_t>(x[i] * inverse + 0x1.8p23f - 0x1.8p23f);  // ties to even
      to.codes[i] = static_cast<int8_t>(code);
      sum += code;
    }
  } else {
    memset(to.codes, 0, sizeof to.codes);
  }
  to.scale = counts ? limit / 127 : finite ? 0 : __builtin_nanf("");
  to.start = -zero_code * sum;
}

// Rows row .. row + rows - 1 of x as tiles of `tile_rows` rows: [group][row of the tile]. The last tile has what is
// left of `room` rows.
inline void quantize_rows_of_x(Pool& pool, const sy_tensor& x, int64_t row, int64_t rows, int64_t room,
                               int64_t tile_rows, int32_t zero_code, ActivationGroup* to) {
  const int64_t groups = x.cols / SY_GROUP, pieces = ceil_div(groups, kGroupsPerTask);
  parallel(pool, rows * pieces, [&](int64_t task, int) {
    const int64_t r = task / pieces, first = task % pieces * kGroupsPerTask;
    const int64_t tile = r / tile_rows * tile_rows, rows_of_tile = min64(tile_rows, room - tile);
    ActivationGroup* groups_of_tile = to + tile * groups + r % tile_rows;
    for (int64_t g = first; g < min64(groups, first + kGroupsPerTask); ++g) {
      float place[SY_GROUP];
      const float* from = read_row(x, row + r, g * SY_GROUP, SY_GROUP, place);
      quantize_activations(from, zero_code, groups_of_tile[g * rows_of_tile]);
    }
  });
}

// totals [kRows][16] += (or =, from group 0 on) groups first .. end - 1 of a panel times those of x, [group][kRows].
template <class Panel, int kRows>
void multiply_groups(const ActivationGroup* x, const char* panel, int64_t first, int64_t end, float* totals) {
  constexpr int kVectors = static_cast<int>(kPanel) / kLanes;
  Vec sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) sums[r][v] = first == 0 ? zero() : load(totals + r * kPanel + v * kLanes);
  }
  for (int64_t g = first; g < end; ++g) {
    const PanelGroup group = panel_group<Panel>(panel, static_cast<uint64_t>(g));
    // The scales of a pair of groups lie before the codes of the first.
    for (int64_t i = g % 2 == 0 ? -kPairScaleBytes : 0; i < Panel::kGroupBytes; i += kCacheLine) {
      __builtin_prefetch(group.codes + kReadAhead + i);
    }
    const ActivationGroup* rows = x + g * kRows;
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      typename Panel::Dot dots[kRows];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) dots[r] = typename Panel::Dot(rows[r].start);
#pragma GCC unroll 8
      for (int i = 0; i < kCodesPerGroup; ++i) {
        const Codes codes = Panel::load(group.codes, v * kLanes, i);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) dots[r].add(codes, rows[r].codes + 4 * i);
      }
      const Vec scales = load(group.scales + v * kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        sums[r][v] = sums[r][v] + dots[r].value() * scales * set(rows[r].scale);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) store(totals + r * kPanel + v * kLanes, sums[r][v]);
  }
}

// multiply_groups for a number of rows known at run time, 1 .. kRows.
template <class Panel, int kRows>
void multiply_groups(int64_t rows, const ActivationGroup* x, const char* panel, int64_t first, int64_t end,
                     float* totals) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return multiply_groups<Panel, kRows - 1>(rows, x, panel, first, end, totals);
  }
  multiply_groups<Panel, kRows>(x, panel, first, end, totals);
}

// Rows in tiles, rounded, and how they are multiplied.
struct QuantizedPass {
  const ActivationGroup* x;
  int64_t row, rows, tile_rows;
};

// Panels first .. first + n - 1 times all rows of a pass. totals: [n][rows][16].
template <class Panel>
void multiply_panels(const sy_linear_args& args, const QuantizedPass& pass, int64_t first, int64_t n, float* totals) {
  const CpuWeight& weight = cpu_weight(args.weight);
  const int64_t groups = weight.cols / SY_GROUP;
  const int64_t block = pass.rows <= pass.tile_rows ? groups : kGroupsPerBlock;
  for (int64_t g = 0; g < groups; g += block) {
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t row = 0; row < pass.rows; row += pass.tile_rows) {
        multiply_groups<Panel, kQuantizedRows>(min64(pass.tile_rows, pass.rows - row), pass.x + row * groups,
                                               quantized_panel(weight, first + p), g, min64(groups, g + block),
                                               totals + (p * pass.rows + row) * kPanel);
      }
    }
  }
  for (int64_t p = 0; p < n; ++p) {
    finish_linear(args, pass.row, pass.rows, first + p, kPanel, totals + p * pass.rows * kPanel);
  }
}

inline void linear_quantized(Pool& pool, const sy_linear_args& args) {
  const CpuWeight& weight = cpu_weight(args.weight);
  const sy_tensor& x = *args.x;
  const int64_t groups = x.cols / SY_GROUP;
  const int64_t passes = ceil_div(x.rows, kQuantizedPassRows);
  const int64_t rows_per_pass = ceil_div(x.rows, passes);
  const int64_t panels_at_once = x.rows <= kQuantizedFewRows ? 1 : kPanelsPerBlock;
  // Enough work for claiming a task to cost nothing, and enough tasks for all threads.
  const int64_t most = max64(1, weight.panels / (8 * pool.threads()));
  const int64_t panels_per_task = x.rows <= kQuantizedFewRows ? max64(1, kTaskBytes / (weight.bytes / weight.panels))
                                                              : min64(kPanelsPerBlock, most);
  auto* tiles = static_cast<ActivationGroup*>(
      pool.shared_scratch(rows_per_pass * groups * static_cast<int64_t>(sizeof(ActivationGroup))));

  with_panels(weight.storage, [&](auto panel) {
    using Panel = decltype(panel);
    for (int64_t row = 0; row < x.rows; row += rows_per_pass) {
      const int64_t rows = min64(rows_per_pass, x.rows - row);
      const int64_t tile_rows = ceil_div(rows, ceil_div(rows, kQuantizedRows));  // tiles of equal size
      quantize_rows_of_x(pool, x, row, rows, rows, tile_rows, Panel::kZero, tiles);
      const QuantizedPass pass{tiles, row, rows, tile_rows};
      parallel_runs(pool, weight.panels, panels_per_task, [&](Run run, int thread) {
        float* totals = float_scratch(pool, thread, panels_at_once * rows * kPanel);
        for (int64_t p = run.first; p < run.end; p += panels_at_once) {
          multiply_panels<Panel>(args, pass, p, min64(panels_at_once, run.end - p), totals);
        }
      });
    }
  });
}
