#include <algorithm>
#include <chrono>

#include "cpu/pages.h"
#include "cpu/processor.h"

namespace sambay {
namespace {

constexpr int64_t kMemory = int64_t{1} << 30;    // the largest caches have about half of that
constexpr int64_t kWindow = int64_t{256} << 20;  // of it, per round: a few milliseconds, which others may leave alone

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

void CpuProcessor::measure_limits(double seconds, sy_limits* limits) {
  Pages memory(kMemory);
  // Memory that really is there: pages the system has not been made to give are all one page of zeros.
  ops_.zero(pool_, {memory.data(), SY_F32, 1 << 10, memory.bytes() >> 12, memory.bytes() >> 12});
  sy_limits found{};
  int64_t offset = 0;
  // One round of a probe, and the better rate of it and those before.
  auto improve = [&](double& rate, Probe probe) {
    const Clock::time_point start = Clock::now();
    const double work = ops_.probe(pool_, probe, memory.data() + offset, kWindow);
    rate = std::max(rate, work / seconds_since(start));
  };
  const Clock::time_point start = Clock::now();
  do {  // by turns, so that each has the whole time to meet a quiet moment
    improve(found.read_bytes, Probe::kReadMemory);
    improve(found.f32_flops, Probe::kF32Products);
    improve(found.bf16_flops, Probe::kBf16Products);
    improve(found.int8_ops, Probe::kInt8Products);
    improve(found.exps, Probe::kExponentials);
    offset = (offset + kWindow) % kMemory;
  } while (seconds_since(start) < seconds);
  *limits = found;
}

}  // namespace sambay
