#include <algorithm>
#include <chrono>
#include <functional>

#include "cuda/kernels/limits.cuh"
#include "cuda/ops.h"

namespace sambay::cuda {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kMemoryBytes = int64_t{1} << 30;
constexpr double kShortestRound = 2e-3;  // seconds: launches and clocks vanish in it

// A pair of events around work of the queue.
class Stopwatch {
 public:
  explicit Stopwatch(Queue& queue) : queue_(queue), begin_(runtime::create_event()), end_(runtime::create_event()) {}
  ~Stopwatch() {
    runtime::destroy(begin_);
    runtime::destroy(end_);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  double seconds(const std::function<void()>& work) {
    runtime::record(begin_, queue_.stream());
    work();
    runtime::record(end_, queue_.stream());
    runtime::wait(end_);
    return runtime::seconds_between(begin_, end_);
  }

 private:
  Queue& queue_;
  runtime::Event begin_, end_;
};

// The best rate of work(n), which does n units, over many rounds within `seconds`; n grows until a round is long
// enough.
double best_rate(Stopwatch& stopwatch, double seconds, int largest, const std::function<double(int)>& work) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  double best = 0;
  int n = 1;
  do {
    double done = 0;
    const double took = stopwatch.seconds([&] { done = work(n); });
    if (took > 0) best = std::max(best, done / took);
    if (took < kShortestRound && n < largest) n *= 2;
  } while (Clock::now() < end);
  return best;
}

}  // namespace

void measure_limits(Queue& queue, double seconds, sy_limits* limits) {
  const DeviceProperties& card = queue.properties();
  const int64_t blocks = int64_t{card.multiprocessors} * kMostProbeBlocks;
  const int64_t threads = blocks * kProbeThreads;
  float* sink = queue.scratch_of<float>(1);
  Stopwatch stopwatch(queue);
  const bool has_warpgroups = card.capability == 90;
  const double share = seconds / (has_warpgroups ? 6 : 5);
  sy_limits found{};
  {
    const int64_t turn = threads * kProbeChains * static_cast<int64_t>(sizeof(uint4));
    const int64_t wanted = std::min(kMemoryBytes, 64 * card.l2_bytes);  // far more than the caches hold
    const int64_t vectors = std::max<int64_t>(wanted / (2 * turn), 1) * 2 * turn / static_cast<int64_t>(sizeof(uint4));
    const int64_t bytes = vectors * static_cast<int64_t>(sizeof(uint4));
    DeviceMemory memory(bytes);
    queue.zero(memory.data(), bytes);
    auto* all = reinterpret_cast<uint4*>(memory.data());
    const ReadProbeParams read{all, vectors, sink};
    const CopyProbeParams copy{all, all + vectors / 2, vectors / 2};
    // How many blocks of a multiprocessor are best is the card's affair.
    for (int64_t some : {2, 4, kMostProbeBlocks}) {
      const int64_t grid = card.multiprocessors * some;
      const auto rate = [&](const std::function<void()>& pass) {
        return best_rate(stopwatch, share / 3, 1 << 10, [&](int n) {
          for (int i = 0; i < n; ++i) pass();
          return static_cast<double>(bytes) * n;
        });
      };
      found.read_bytes =
          std::max(found.read_bytes, rate([&] { queue.launch(read_probe, grid, kProbeThreads, 0, read); }));
      found.copy_bytes =
          std::max(found.copy_bytes, rate([&] { queue.launch(copy_probe, grid, kProbeThreads, 0, copy); }));
    }
  }
  const auto arithmetic = [&](void (*kernel)(ArithmeticProbeParams), int64_t grid, int64_t block, int64_t shared,
                              double per_round) {
    return best_rate(stopwatch, share, 1 << 20, [&](int n) {
      queue.launch(kernel, grid, block, shared, ArithmeticProbeParams{n, 0.5f, sink});
      return per_round * n;
    });
  };
  const double chains = static_cast<double>(threads) * kProbeChains;
  found.f32_flops = arithmetic(f32_probe, blocks, kProbeThreads, 0, 2 * chains);
  found.bf16_flops = arithmetic(bf16_probe, blocks, kProbeThreads, 0, kMmaFlops * chains / 32);
  if (has_warpgroups) {  // which reach more than mma.sync
    const int64_t grid = 2 * int64_t{card.multiprocessors};
    const double per_round = kWgmmaFlops * kWgmmaProbeProducts * static_cast<double>(grid);
    found.bf16_flops =
        std::max(found.bf16_flops, arithmetic(wgmma_probe, grid, kWgmmaProbeThreads, kWgmmaProbeBytes, per_round));
  }
  found.int8_ops = 0;  // products of quantised weights are bf16 products here
  found.exps = arithmetic(exp_probe, blocks, kProbeThreads, 0, chains);
  *limits = found;
}

}  // namespace sambay::cuda
