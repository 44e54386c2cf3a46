#ifndef SAMBAY_CPU_SAMPLE_H_
#define SAMBAY_CPU_SAMPLE_H_

#include <cstdint>
#include <vector>

#include "cpu/ops.h"
#include "cpu/pool.h"
#include "sambay/sambay.h"

namespace sambay {

// Chooses tokens as docs/sampling.md defines it, on all threads of a pool and without a sort of the vocabulary. Keeps
// its working memory, 8 bytes per logit of a row, for the next call.
class TokenSampler {
 public:
  void sample(Pool& pool, const Ops& ops, const sy_sample_args& args);

 private:
  // The most probable token; -1: there is none, since a logit is NaN or infinite, or none is finite.
  int64_t find_best(Pool& pool, const Ops& ops, const float* logits, int64_t n);
  double log_sum_exp(Pool& pool, const Ops& ops, const float* logits, int64_t n, float largest);
  void weigh(Pool& pool, const Ops& ops, const float* logits, int64_t n, float largest, double temperature);

  // What is kept of the weights: all, or the keys listed in `kept_`, by id.
  void list_at_least(uint64_t weight);
  void keep_from(uint64_t key);
  void keep_top_k(int64_t k);
  void keep_top_p(double share);
  void keep_min_p(double fraction);
  uint64_t total() const;
  int32_t draw(uint64_t random) const;

  std::vector<uint64_t> weights_;
  std::vector<WeightSum> groups_;  // of kGroup weights each
  std::vector<int64_t> best_of_;   // of each task
  std::vector<double> sums_;       // of each task
  bool all_ = true;
  std::vector<uint64_t> kept_;
  std::vector<uint64_t> order_;  // of a selection
};

}  // namespace sambay

#endif  // SAMBAY_CPU_SAMPLE_H_
