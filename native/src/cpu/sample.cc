#include "cpu/sample.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

namespace sambay {
namespace {

constexpr int64_t kGroup = 256;         // weights whose sum and largest are known
constexpr int64_t kTask = 16 * kGroup;  // logits that a thread takes at a time
constexpr double kHeaviest = 0x1p42;
constexpr int kIdBits = 20;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Heavier first, of equal weights the lower id first: a key says both, and no two tokens have the same.
uint64_t key_of(uint64_t weight, int64_t id) {
  return weight << kIdBits | ((uint64_t{1} << kIdBits) - 1 - static_cast<uint64_t>(id));
}
uint64_t weight_of(uint64_t key) { return key >> kIdBits; }
int32_t id_of(uint64_t key) { return static_cast<int32_t>(~key & ((uint64_t{1} << kIdBits) - 1)); }

// Weights of one bin have the same length in bits and the same five bits after the first. Heavier bins come later.
constexpr int kBins = 43 * 32;
int bin_of(uint64_t weight) {  // weight > 0
  const int zeros = std::countl_zero(weight);
  return (63 - zeros) * 32 + static_cast<int>(weight << zeros >> 58 & 31);
}

// floor(random * total / 2^64)
uint64_t point_of(uint64_t random, uint64_t total) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>(static_cast<Wide>(random) * total >> 64);
}

// body(first, n, task) for every piece of kTask tokens.
template <class Body>
void for_each_task(Pool& pool, int64_t n, Body body) {
  struct Context {
    Body& body;
    int64_t n;
  } context{body, n};
  pool.run(
      ceil_div(n, kTask),
      [](void* of, int64_t task, int) {
        const auto& [run, all] = *static_cast<Context*>(of);
        run(task * kTask, std::min(kTask, all - task * kTask), task);
      },
      &context);
}

}  // namespace

int64_t TokenSampler::find_best(Pool& pool, const Ops& ops, const float* logits, int64_t n) {
  best_of_.resize(static_cast<size_t>(ceil_div(n, kTask)));
  for_each_task(pool, n, [&](int64_t first, int64_t count, int64_t task) {
    const int64_t found = ops.largest_logit(logits + first, count);
    best_of_[static_cast<size_t>(task)] = found < 0 ? -1 : first + found;
  });
  int64_t best = best_of_[0];
  for (int64_t token : best_of_) {
    if (token < 0) return -1;
    if (logits[token] > logits[best]) best = token;
  }
  return logits[best] == -std::numeric_limits<float>::infinity() ? -1 : best;
}

double TokenSampler::log_sum_exp(Pool& pool, const Ops& ops, const float* logits, int64_t n, float largest) {
  sums_.resize(static_cast<size_t>(ceil_div(n, kTask)));
  for_each_task(pool, n, [&](int64_t first, int64_t count, int64_t task) {
    sums_[static_cast<size_t>(task)] = ops.sum_exp_logits(logits + first, count, largest);
  });
  double sum = 0;
  for (double part : sums_) sum += part;
  return std::log(sum);
}

void TokenSampler::weigh(Pool& pool, const Ops& ops, const float* logits, int64_t n, float largest,
                         double temperature) {
  weights_.resize(static_cast<size_t>(n));
  groups_.resize(static_cast<size_t>(ceil_div(n, kGroup)));
  for_each_task(pool, n, [&](int64_t first, int64_t count, int64_t) {
    for (int64_t i = first; i < first + count; i += kGroup) {
      groups_[static_cast<size_t>(i / kGroup)] = ops.weigh_logits(
          logits + i, std::min(kGroup, first + count - i), largest, temperature, &weights_[static_cast<size_t>(i)]);
    }
  });
  all_ = true;
}

// From all to those of at least this weight, which is not 0.
void TokenSampler::list_at_least(uint64_t weight) {
  const auto n = static_cast<int64_t>(weights_.size());
  kept_.resize(weights_.size());
  size_t count = 0;
  for (size_t group = 0; group < groups_.size(); ++group) {
    if (groups_[group].largest < weight) continue;
    const int64_t first = static_cast<int64_t>(group) * kGroup, end = std::min(first + kGroup, n);
    for (int64_t id = first; id < end; ++id) {
      const uint64_t here = weights_[static_cast<size_t>(id)];
      kept_[count] = key_of(here, id);  // without a branch, which half of the tokens would mislead
      count += here >= weight ? 1 : 0;
    }
  }
  kept_.resize(count);
  all_ = false;
}

void TokenSampler::keep_from(uint64_t key) {
  kept_.erase(std::remove_if(kept_.begin(), kept_.end(), [key](uint64_t other) { return other < key; }), kept_.end());
}

uint64_t TokenSampler::total() const {
  uint64_t sum = 0;
  if (all_) {
    for (const WeightSum& group : groups_) sum += group.total;
  } else {
    for (uint64_t key : kept_) sum += weight_of(key);
  }
  return sum;
}

// The first of the filters, so it begins with all tokens. At least k of them weigh as much as the k-th heaviest of the
// groups' largest weights.
void TokenSampler::keep_top_k(int64_t k) {
  uint64_t least = 1;
  if (k <= static_cast<int64_t>(groups_.size())) {
    order_.clear();
    for (const WeightSum& group : groups_) order_.push_back(group.largest);
    std::nth_element(order_.begin(), order_.begin() + (k - 1), order_.end(), std::greater<>());
    least = std::max(least, order_[static_cast<size_t>(k - 1)]);
  }
  list_at_least(least);
  if (static_cast<int64_t>(kept_.size()) <= k) return;
  order_ = kept_;
  std::nth_element(order_.begin(), order_.begin() + (k - 1), order_.end(), std::greater<>());
  keep_from(order_[static_cast<size_t>(k - 1)]);
}

void TokenSampler::keep_top_p(double share) {
  const uint64_t all = total();
  const uint64_t quota =
      std::max(uint64_t{1}, static_cast<uint64_t>(std::ceil(share * static_cast<double>(static_cast<int64_t>(all)))));
  if (quota > all) return;  // by rounding
  if (all_) {
    // Tokens this light amount to less than what top-p leaves out, all of them together.
    list_at_least(std::max(uint64_t{1}, (all - quota) / weights_.size()));
  }
  // The bin in which the quota is used up, then the last key that is kept, in halves of what may still hold it, the
  // heavier half first.
  uint64_t left = quota;
  std::array<uint64_t, kBins> bins{};
  for (uint64_t key : kept_) bins[static_cast<size_t>(bin_of(weight_of(key)))] += weight_of(key);
  int bin = kBins - 1;
  for (; bins[static_cast<size_t>(bin)] < left; --bin) left -= bins[static_cast<size_t>(bin)];
  order_.clear();
  for (uint64_t key : kept_) {
    if (bin_of(weight_of(key)) == bin) order_.push_back(key);
  }
  auto begin = order_.begin(), end = order_.end();
  while (end - begin > 1) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, std::greater<>());
    uint64_t heavier = 0;
    for (auto key = begin; key != middle; ++key) heavier += weight_of(*key);
    if (heavier >= left) {
      end = middle;
    } else {
      left -= heavier;
      begin = middle;
    }
  }
  keep_from(*begin);
}

void TokenSampler::keep_min_p(double fraction) {
  const auto least = std::max(uint64_t{1}, static_cast<uint64_t>(std::ceil(fraction * kHeaviest)));
  if (all_) {
    list_at_least(least);
  } else {
    keep_from(least << kIdBits);
  }
}

int32_t TokenSampler::draw(uint64_t random) const {
  const uint64_t point = point_of(random, total());
  uint64_t sum = 0;
  if (!all_) {
    auto key = kept_.begin();
    for (sum = weight_of(*key); sum <= point; sum += weight_of(*key)) ++key;
    return id_of(*key);
  }
  size_t group = 0;
  for (; sum + groups_[group].total <= point; ++group) sum += groups_[group].total;
  size_t id = group * static_cast<size_t>(kGroup);
  for (sum += weights_[id]; sum <= point; sum += weights_[id]) ++id;
  return static_cast<int32_t>(id);
}

void TokenSampler::sample(Pool& pool, const Ops& ops, const sy_sample_args& args) {
  const int64_t n = args.logits->cols;
  for (int64_t row = 0; row < args.logits->rows; ++row) {
    const float* logits = static_cast<const float*>(args.logits->data) + row * args.logits->stride;
    const int64_t best = find_best(pool, ops, logits, n);
    args.token[row] = static_cast<int32_t>(best);
    if (args.log_probability != nullptr) args.log_probability[row] = std::numeric_limits<double>::quiet_NaN();
    if (best < 0) continue;
    if (args.temperature[row] > 0) {
      weigh(pool, ops, logits, n, logits[best], args.temperature[row]);
      if (args.top_k[row] > 0 && args.top_k[row] < n) keep_top_k(args.top_k[row]);
      if (args.top_p[row] < 1) keep_top_p(args.top_p[row]);
      if (args.min_p[row] > 0) keep_min_p(args.min_p[row]);
      args.token[row] = draw(args.random[row]);
    }
    if (args.log_probability != nullptr) {
      const double log_sum = log_sum_exp(pool, ops, logits, n, logits[best]);
      args.log_probability[row] =
          (static_cast<double>(logits[args.token[row]]) - static_cast<double>(logits[best])) - log_sum;
    }
  }
}

}  // namespace sambay
