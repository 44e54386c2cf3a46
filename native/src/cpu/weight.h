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
//
// The pairs of bf16 are what AMX tiles and dot-product instructions take, and AVX widens them with a shift and a mask.
// depth is cols rounded up to 32, one AMX tile. Rows and columns past the end are zero.
struct CpuWeight : sy_weight {
  int64_t panels;  // ceil(rows / 16)
  int64_t depth;
  void* data;  // 64-byte aligned
};

// The weight of an operation's arguments, made by the CPU.
inline const CpuWeight& cpu_weight(const sy_weight* weight) { return *static_cast<const CpuWeight*>(weight); }

}  // namespace sambay

#endif  // SAMBAY_CPU_WEIGHT_H_
