#ifndef SAMBAY_CUDA_LAUNCH_CHECKS_H_
#define SAMBAY_CUDA_LAUNCH_CHECKS_H_

#include <cstdint>
#include <vector>

#include "sambay/sambay.h"

namespace sambay::cuda {

// What src/api found sound in the host arrays of a graph's operations when they were recorded, to be looked at again
// before each launch: the arrays may hold other values by then. Many operations of a step share their arrays; each
// check is kept once.
class LaunchChecks {
 public:
  // Positions and slots of a batch whose sequences stay as long as they are. slots: how many there are, 0 for any.
  void batch(const sy_batch& batch, int64_t slots);
  void attention_keys(const sy_batch& batch, const sy_kv* kv, bool own_keys, int32_t window);
  void append_positions(const sy_batch& batch, const sy_kv& kv);
  void rope_positions(const sy_batch& batch, int64_t positions);
  void table(const sy_kv& kv, int32_t sequence, int64_t first, int64_t end);
  void indices(const char* name, const int32_t* values, int64_t n, int64_t limit);
  void numbers(const char* name, const double* values, int64_t n, double lowest, double highest);

  // Throws Failure as src/api did.
  void run() const;

 private:
  enum Kind { kBatch, kAttentionKeys, kAppendPositions, kRopePositions, kTable, kIndices, kNumbers };
  struct Check {
    explicit Check(Kind which) : kind(which) {}
    Kind kind;
    const char* name = "";
    const void* values = nullptr;
    int64_t n = 0, first = 0, limit = 0;
    double lowest = 0, highest = 0;
    bool has_kv = false, own_keys = false;
    sy_batch batch{};
    sy_kv kv{};
    std::vector<int32_t> seq_start;  // as it was

    bool same_as(const Check& other) const;
    void run() const;
  };
  void keep(Check check);

  std::vector<Check> checks_;
};

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_LAUNCH_CHECKS_H_
