#ifndef SAMBAY_API_QUANTIZE_H_
#define SAMBAY_API_QUANTIZE_H_

#include <cstdint>

#include "sambay/sambay.h"

namespace sambay {

// Every element of `from` [rows, cols] can be kept as `dtype` (SY_INT8 | SY_INT4), or Failure names the first that
// cannot, the rows being counted from `first_row`: NaN, an infinity, a number beyond what f16 scales reach.
void check_quantizable(const sy_tensor& from, sy_dtype dtype, int64_t first_row);

// The same for codes and scales: an infinite or NaN scale, the code -128.
void check_codes(const sy_quantized& from, int64_t first_row);

// Quantises `from` into `to`, both host memory and of one shape, by the rule of docs/quantization.md: the same bits on
// every machine. The elements are quantisable. On the calling thread, with the widest vectors it has.
void quantize_rows(const sy_tensor& from, const sy_quantized& to);

}  // namespace sambay

#endif  // SAMBAY_API_QUANTIZE_H_
