#include <algorithm>
#include <chrono>

#include "api/device.h"
#include "api/pages.h"

namespace {

using sambay::Failure;
using sambay::Pages;
using sambay::Probe;
namespace check = sambay::check;

constexpr int64_t kMemory = int64_t{1} << 30;   // the largest caches have about half of that
constexpr int64_t kWindow = int64_t{64} << 20;  // of it, per round: a few milliseconds, which others may leave alone
constexpr double kMostSeconds = 600;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The best rate of as many rounds as fit into `seconds`. The best and not the mean: whatever else the machine does can
// only take away. The rounds of a reading probe go through `memory` window by window.
double best_rate(sy_device& device, Probe probe, double seconds, const Pages* memory = nullptr) {
  double best = 0;
  int64_t offset = 0;
  const Clock::time_point start = Clock::now();
  do {
    const char* window = memory == nullptr ? nullptr : memory->data() + offset;
    const Clock::time_point round = Clock::now();
    const double work = device.ops.probe(device.pool, probe, window, kWindow);
    best = std::max(best, work / seconds_since(round));
    offset = (offset + kWindow) % kMemory;
  } while (best > 0 && seconds_since(start) < seconds);
  return best;
}

// Memory that really is there: pages the system has not been made to give are all one page of zeros.
void occupy(sy_device& device, Pages& memory) {
  sy_tensor all{memory.data(), SY_F32, 1 << 10, memory.bytes() >> 12, memory.bytes() >> 12};
  device.ops.zero(device.pool, all);
}

}  // namespace

sy_status sy_measure_limits(sy_device* device, double seconds, sy_limits* limits) {
  return sambay::entry_on("measure_limits", device, limits, [&] {
    if (!(seconds > 0 && seconds <= kMostSeconds)) {
      throw Failure(SY_ERR_ARGUMENT, "seconds is %g, expected more than 0 and at most %g", seconds, kMostSeconds);
    }
    const double share = seconds / 4;
    sy_limits found{};
    {
      Pages memory(kMemory);
      occupy(*device, memory);
      found.read_bytes = best_rate(*device, Probe::kReadMemory, share, &memory);
    }
    found.f32_flops = best_rate(*device, Probe::kF32Products, share);
    found.bf16_flops = best_rate(*device, Probe::kBf16Products, share);
    found.exps = best_rate(*device, Probe::kExponentials, share);
    *limits = found;
  });
}
