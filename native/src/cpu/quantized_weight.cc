#include "cpu/quantized_weight.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "api/error.h"
#include "api/quantize.h"

namespace sambay {
namespace {

constexpr int64_t kRowsPerCheck = 64;

template <class Body>
void parallel(Pool& pool, int64_t tasks, Body body) {
  pool.run(
      tasks, [](void* context, int64_t index, int thread) { (*static_cast<Body*>(context))(index, thread); }, &body);
}

int64_t code_bytes(sy_dtype dtype, int64_t cols) { return dtype == SY_INT8 ? cols : cols / 2; }

sy_quantized rows_of(const sy_quantized& all, int64_t row, int64_t rows) {
  return {static_cast<char*>(all.codes) + row * code_bytes(all.dtype, all.cols),
          all.scales + row * (all.cols / SY_GROUP), all.dtype, rows, all.cols};
}

// Calls body(panel, first, n) for every panel of the weight that rows first_row .. first_row + rows - 1 touch, with the
// rows in it.
template <class Body>
void for_each_panel(Pool& pool, int64_t first_row, int64_t rows, Body body) {
  const int64_t first_panel = first_row / kPanel, end_row = first_row + rows;
  parallel(pool, (end_row + kPanel - 1) / kPanel - first_panel, [&](int64_t index, int thread) {
    const int64_t panel = first_panel + index;
    const int64_t begin = std::max(first_row, panel * kPanel), end = std::min(end_row, (panel + 1) * kPanel);
    body(panel, begin, end - begin, thread);
  });
}

uint32_t word_at(const void* from) {
  uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// Four halves of bytes, one in each byte.
uint32_t spread(uint32_t halves) {
  const uint32_t bytes = (halves | halves << 8) & 0x00ff00ff;
  return (bytes | bytes << 4) & 0x0f0f0f0f;
}

// Writes the codes of 32 columns of one row into lane 0 of a group of a panel (into lane l, given to + 4 l).
void pack_int8(const uint8_t* codes, uint8_t* to) {
  for (int i = 0; i < SY_GROUP; i += 4, to += 4 * kPanel) {
    const uint32_t stored = word_at(codes + i) ^ 0x80808080;  // 128 + code
    std::memcpy(to, &stored, sizeof stored);
  }
}
void pack_int4(const uint8_t* codes, uint8_t* to) {
  for (int i = 0; i < SY_GROUP / 2; i += 4, to += 4 * kPanel) {
    const uint32_t eight = word_at(codes + i);  // columns 2 i .. 2 i + 7
    const uint32_t stored = spread(eight & 0xffff) | spread(eight >> 16) << 4;
    std::memcpy(to, &stored, sizeof stored);
  }
}

// Row 0 .. of `from` become lanes lane .. of a panel.
void pack(const sy_quantized& from, char* panel, int64_t lane) {
  const int64_t groups = from.cols / SY_GROUP;
  const int64_t group_bytes = quantized_group_bytes(from.dtype), pair_bytes = kPairScaleBytes + 2 * group_bytes;
  const int64_t row_bytes = code_bytes(from.dtype, SY_GROUP);
  for (int64_t g = 0; g < groups; ++g) {
    char* pair = panel + g / 2 * pair_bytes;
    auto* scales = reinterpret_cast<uint16_t*>(pair) + g % 2 * kPanel + lane;
    auto* codes = reinterpret_cast<uint8_t*>(pair + kPairScaleBytes + g % 2 * group_bytes) + 4 * lane;
    for (int64_t r = 0; r < from.rows; ++r) {
      scales[r] = from.scales[r * groups + g];
      const uint8_t* row = static_cast<const uint8_t*>(from.codes) + (r * groups + g) * row_bytes;
      if (from.dtype == SY_INT8) {
        pack_int8(row, codes + 4 * r);
      } else {
        pack_int4(row, codes + 4 * r);
      }
    }
  }
}

char* panel_data(CpuWeight& weight, int64_t panel) {
  return static_cast<char*>(weight.data) + panel * (weight.bytes / weight.panels);
}

}  // namespace

void set_and_quantize_rows(Pool& pool, CpuWeight& weight, int64_t first_row, const sy_tensor& from) {
  auto rows_of_from = [&](int64_t row, int64_t rows) {
    const int64_t bytes = from.dtype == SY_F32 ? 4 : 2;
    return sy_tensor{static_cast<char*>(from.data) + row * from.stride * bytes, from.dtype, rows, from.cols,
                     from.stride};
  };
  parallel(pool, (from.rows + kRowsPerCheck - 1) / kRowsPerCheck, [&](int64_t task, int) {
    const int64_t row = task * kRowsPerCheck;
    check_quantizable(rows_of_from(row, std::min(kRowsPerCheck, from.rows - row)), weight.storage, first_row + row);
  });
  const int64_t groups = weight.cols / SY_GROUP;
  const int64_t scale_bytes = kPanel * groups * static_cast<int64_t>(sizeof(uint16_t));
  for_each_panel(pool, first_row, from.rows, [&](int64_t panel, int64_t row, int64_t n, int thread) {
    char* scratch =
        static_cast<char*>(pool.scratch(thread, scale_bytes + kPanel * code_bytes(weight.storage, weight.cols)));
    const sy_quantized rows{scratch + scale_bytes, reinterpret_cast<uint16_t*>(scratch), weight.storage, n,
                            weight.cols};
    quantize_rows(rows_of_from(row - first_row, n), rows);
    pack(rows, panel_data(weight, panel), row % kPanel);
  });
}

void set_quantized_rows(Pool& pool, CpuWeight& weight, int64_t first_row, const sy_quantized& from) {
  parallel(pool, (from.rows + kRowsPerCheck - 1) / kRowsPerCheck, [&](int64_t task, int) {
    const int64_t row = task * kRowsPerCheck;
    check_codes(rows_of(from, row, std::min(kRowsPerCheck, from.rows - row)), first_row + row);
  });
  for_each_panel(pool, first_row, from.rows, [&](int64_t panel, int64_t row, int64_t n, int) {
    pack(rows_of(from, row - first_row, n), panel_data(weight, panel), row % kPanel);
  });
}

}  // namespace sambay
