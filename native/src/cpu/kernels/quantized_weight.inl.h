// Reading packed quantised weights; cpu/weight.h draws their layout.

// How the codes of one group of a panel lie, for lanes `lane` .. lane + kLanes - 1.
constexpr int kCodesPerGroup = SY_GROUP / 4;

struct Int8Panel {
  using Dot = Int8Dot;
  static constexpr int64_t kGroupBytes = quantized_group_bytes(SY_INT8);
  static constexpr int32_t kZero = kInt8Zero;

  static void load(const uint8_t* group, int64_t lane, Codes (&codes)[kCodesPerGroup]) {
#pragma GCC unroll 8
    for (int i = 0; i < kCodesPerGroup; ++i) codes[i] = load_codes(group + (i * kPanel + lane) * 4);
  }
  static int32_t code(const uint8_t* group, int64_t lane, int64_t column) {
    return group[(column / 4 * kPanel + lane) * 4 + column % 4] - kZero;
  }
};

struct Int4Panel {
  using Dot = Int4Dot;
  static constexpr int64_t kGroupBytes = quantized_group_bytes(SY_INT4);
  static constexpr int32_t kZero = kInt4Zero;

  static void load(const uint8_t* group, int64_t lane, Codes (&codes)[kCodesPerGroup]) {
#pragma GCC unroll 8
    for (int i = 0; i < kCodesPerGroup; i += 2) {
      const Codes both = load_codes(group + (i / 2 * kPanel + lane) * 4);
      codes[i] = low_halves(both);
      codes[i + 1] = high_halves(both);
    }
  }
  static int32_t code(const uint8_t* group, int64_t lane, int64_t column) {
    const int32_t both = group[(column / 8 * kPanel + lane) * 4 + column % 4];
    return (column % 8 < 4 ? both & 15 : both >> 4) - kZero;
  }
};

// body(Int8Panel{}) or body(Int4Panel{}), by storage.
template <class Body>
void with_panels(sy_dtype storage, Body body) {
  if (storage == SY_INT8) {
    body(Int8Panel{});
  } else {
    body(Int4Panel{});
  }
}

// The scales [16 rows] and the codes of one group.
struct PanelGroup {
  const F16* scales;
  const uint8_t* codes;
};
template <class Panel>
PanelGroup panel_group(const char* panel, uint64_t group) {  // without a sign: group / 2 is a shift
  const char* pair = panel + group / 2 * (kPairScaleBytes + 2 * Panel::kGroupBytes);
  return {reinterpret_cast<const F16*>(pair) + group % 2 * kPanel,
          reinterpret_cast<const uint8_t*>(pair) + kPairScaleBytes + group % 2 * Panel::kGroupBytes};
}
inline const char* quantized_panel(const CpuWeight& weight, int64_t panel) {
  return static_cast<const char*>(weight.data) + panel * (weight.bytes / weight.panels);
}

// to[0 .. cols - 1] = row `row` of the matrix, exactly: 8 bits times 11 fit into an f32.
inline void unpack_quantized_row(const CpuWeight& weight, int64_t row, float* to) {
  const int64_t lane = row % kPanel;
  with_panels(weight.storage, [&](auto panel) {
    using Panel = decltype(panel);
    for (int64_t g = 0; g < weight.cols / SY_GROUP; ++g) {
      const PanelGroup group = panel_group<Panel>(quantized_panel(weight, row / kPanel), static_cast<uint64_t>(g));
      float scale;
      widen(group.scales + lane, SY_F16, &scale, 1);
      for (int64_t i = 0; i < SY_GROUP; ++i) {
        to[g * SY_GROUP + i] = static_cast<float>(Panel::code(group.codes, lane, i)) * scale;
      }
    }
  });
}
