#ifndef SAMBAY_API_PACKED_WEIGHT_H_
#define SAMBAY_API_PACKED_WEIGHT_H_

#include <cstdint>

#include "sambay/sambay.h"

/* What every processor's weight begins with. */
struct sy_weight {
  sy_device* device;  // the one it was made for
  int64_t rows;
  int64_t cols;
  sy_dtype storage;
  int64_t bytes;
};

#endif  // SAMBAY_API_PACKED_WEIGHT_H_
