#ifndef SAMBAY_CPU_QUANTIZED_WEIGHT_H_
#define SAMBAY_CPU_QUANTIZED_WEIGHT_H_

#include <cstdint>

#include "cpu/pool.h"
#include "cpu/weight.h"

namespace sambay {

// Packs rows of numbers into a quantised weight by the rule of api/quantize.h. Throws Failure, nothing being written,
// if one of them cannot be quantised.
void set_and_quantize_rows(Pool& pool, CpuWeight& weight, int64_t first_row, const sy_tensor& from);

// Packs rows that are quantised already. Throws Failure, nothing being written, for a scale that is no number and for
// the code -128.
void set_quantized_rows(Pool& pool, CpuWeight& weight, int64_t first_row, const sy_quantized& from);

}  // namespace sambay

#endif  // SAMBAY_CPU_QUANTIZED_WEIGHT_H_
