// Writing and reading packed weights; cpu/weight.h draws their layout.

// What lies side by side for the 16 rows of a panel: a pair of bf16, else one element.
template <class W>
struct PanelUnit {
  using type = W;
  static constexpr int64_t kElements = 1;
};
template <>
struct PanelUnit<BF16> {
  struct type {
    BF16 pair[2];
  };
  static constexpr int64_t kElements = 2;
};

template <class W>
const W* panel_data(const CpuWeight& weight, int64_t panel) {
  return static_cast<const W*>(weight.data) + panel * weight.depth * kPanel;
}

constexpr int64_t kStagedColumns = 256;

// Packs `columns` columns from `column` on of rows first .. first + n - 1 of `from` into lanes lane .. lane + n - 1 of
// a panel. The detour over `stage` converts the storage type and fills up an odd last pair.
template <class W>
void pack_columns(const sy_tensor& from, int64_t first, int64_t n, int64_t column, int64_t columns, W* panel,
                  int64_t lane) {
  using Unit = typename PanelUnit<W>::type;
  constexpr int64_t kElements = PanelUnit<W>::kElements;
  Unit stage[kPanel][kStagedColumns / kElements];
  const int64_t units = ceil_div(columns, kElements);
  for (int64_t row = 0; row < n; ++row) {
    if (columns % kElements != 0) stage[row][units - 1] = Unit{};
    with_storage(from.dtype, [&](auto type) {
      using From = typename decltype(type)::type;
      convert(reinterpret_cast<const From*>(element(from, first + row, column)), reinterpret_cast<W*>(stage[row]),
              columns);
    });
  }
  Unit* to = reinterpret_cast<Unit*>(panel + column * kPanel);
  for (int64_t unit = 0; unit < units; ++unit) {
    for (int64_t row = 0; row < n; ++row) to[unit * kPanel + lane + row] = stage[row][unit];
  }
}

inline void set_rows(Pool& pool, CpuWeight& weight, int64_t first_row, const sy_tensor& from) {
  const int64_t end_row = first_row + from.rows;
  const int64_t first_panel = first_row / kPanel;
  parallel(pool, ceil_div(end_row, kPanel) - first_panel, [&](int64_t index, int) {
    const int64_t panel = first_panel + index;
    const int64_t begin = max64(first_row, panel * kPanel), end = min64(end_row, (panel + 1) * kPanel);
    with_storage(weight.storage, [&](auto type) {
      using W = typename decltype(type)::type;
      W* data = static_cast<W*>(weight.data) + panel * weight.depth * kPanel;
      for (int64_t column = 0; column < from.cols; column += kStagedColumns) {
        pack_columns<W>(from, begin - first_row, end - begin, column, min64(kStagedColumns, from.cols - column), data,
                        begin - panel * kPanel);
      }
    });
  });
}

// to[0 .. cols - 1] = row `row` of the matrix.
template <class W>
void unpack_row(const CpuWeight& weight, int64_t row, float* to) {
  using Unit = typename PanelUnit<W>::type;
  constexpr int64_t kElements = PanelUnit<W>::kElements;
  const Unit* from = reinterpret_cast<const Unit*>(panel_data<W>(weight, row / kPanel)) + row % kPanel;
  W stage[kStagedColumns];
  for (int64_t column = 0; column < weight.cols; column += kStagedColumns) {
    const int64_t columns = min64(kStagedColumns, weight.cols - column);
    for (int64_t i = 0; i < columns; i += kElements) {
      reinterpret_cast<Unit*>(stage)[i / kElements] = from[(column + i) / kElements * kPanel];
    }
    convert(stage, to + column, columns);
  }
}

// to [n][16] = a panel's elements at k .. k + n - 1, where k is even and to has room for an even number.
inline void unpack_panel(const float* panel, int64_t k, int64_t n, float* to) {
  memcpy(to, panel + k * kPanel, static_cast<size_t>(n * kPanel) * sizeof(float));
}
inline void unpack_panel(const F16* panel, int64_t k, int64_t n, float* to) {
  convert(panel + k * kPanel, to, n * kPanel);
}
inline void unpack_panel(const BF16* panel, int64_t k, int64_t n, float* to) {
  for (int64_t i = 0; i < n; i += 2) {
    for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
      Vec even, odd;
      load_pairs(panel + (k + i) * kPanel + 2 * lane, even, odd);
      store(to + i * kPanel + lane, even);
      store(to + (i + 1) * kPanel + lane, odd);
    }
  }
}
