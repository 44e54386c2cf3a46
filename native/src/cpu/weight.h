#ifndef SAMBAY_CPU_WEIGHT_H_
#define SAMBAY_CPU_WEIGHT_H_

#include <cstdint>

#include "api/processor.h"
#include "sambay/sambay.h"

namespace sambay {

inline constexpr int64_t kPanel = 16;  // output rows that lie together in a packed weight

// A weight matrix W [rows, cols], packed. 16 output rows form a panel and a panel lies in memory in the order in which
// a product walks along k, so that a decode step reads the whole matrix once from front to back:
//
//   bf16      [panels][depth / 2][16 rows][2]   element (k, row) at pair k / 2, row, k % 2
//   f32, f16  [panels][depth][16 rows]
//   int8      [panels][depth / 64] { f16 scales [2 groups][16 rows], codes [2 groups][8][16 rows][4] }
//             element (k, row) of a group as 128 + code at k / 4, row, k % 4
//   int4      [panels][depth / 64] { f16 scales [2 groups][16 rows], codes [2 groups][4][16 rows][4] }
//             element (k, row) of a group as 8 + code at k / 8, row, k % 4: in the low half of the byte where
//             k % 8 < 4, else in the high half
//
// The pairs of bf16 are what AMX tiles and dot-product instructions take, and AVX widens them with a shift and a mask;
// so with the fours of int8. Codes are stored without a sign, because the instructions multiply bytes without by bytes
// with one. depth is cols rounded up to 32, one AMX tile; of a quantised weight, to two groups, so that cache lines are
// whole. Rows and columns past the end are zero.
struct CpuWeight : sy_weight {
  int64_t panels;  // ceil(rows / 16)
  int64_t depth;
  void* data;  // 64-byte aligned
};

constexpr bool is_quantized(sy_dtype storage) { return storage == SY_INT8 || storage == SY_INT4; }

// Of two groups of a panel: the scales, and the codes of one group.
inline constexpr int64_t kPairScaleBytes = 2 * kPanel * static_cast<int64_t>(sizeof(uint16_t));
constexpr int64_t quantized_group_bytes(sy_dtype storage) {
  return kPanel * (storage == SY_INT8 ? SY_GROUP : SY_GROUP / 2);
}
// What code 0 is stored as.
inline constexpr int32_t kInt8Zero = 128, kInt4Zero = 8;

// The weight of an operation's arguments, made by the CPU.
inline const CpuWeight& cpu_weight(const sy_weight* weight) { return *static_cast<const CpuWeight*>(weight); }

}  // namespace sambay

#endif  // SAMBAY_CPU_WEIGHT_H_
