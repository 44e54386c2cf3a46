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

// One round of a probe, and the better rate of it and those before.
void improve(double& rate, sy_device& device, Probe probe, const char* window) {
  const Clock::time_point start = Clock::now();
  const double work = device.ops.probe(device.pool, probe, window, kWindow);
  rate = std::max(rate, work / seconds_since(start));
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
    Pages memory(kMemory);
    occupy(*device, memory);
    sy_limits found{};
    int64_t offset = 0;
    const Clock::time_point start = Clock::now();
    do {  // by turns, so that each has the whole time to meet a quiet moment
      const char* window = memory.data() + offset;
      improve(found.read_bytes, *device, Probe::kReadMemory, window);
      improve(found.f32_flops, *device, Probe::kF32Products, window);
      improve(found.bf16_flops, *device, Probe::kBf16Products, window);
      improve(found.exps, *device, Probe::kExponentials, window);
      offset = (offset + kWindow) % kMemory;
    } while (seconds_since(start) < seconds);
    *limits = found;
  });
}
