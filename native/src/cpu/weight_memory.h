#ifndef SAMBAY_CPU_WEIGHT_MEMORY_H_
#define SAMBAY_CPU_WEIGHT_MEMORY_H_

#include <cstdint>
#include <memory>

#include "cpu/pages.h"

namespace sambay {

// Gives weights their memory. Those of a model lie side by side in large areas, so that small ones too are read through
// huge pages; an area goes back to the system when its last weight is gone.
class WeightMemory {
 public:
  // Zeroed, 64-byte aligned; it stays as long as `pages` does.
  char* take(int64_t bytes, std::shared_ptr<Pages>& pages);

 private:
  std::shared_ptr<Pages> shared_;  // the area that is filled now
  int64_t used_ = 0;               // bytes of it
};

}  // namespace sambay

#endif  // SAMBAY_CPU_WEIGHT_MEMORY_H_
