#include <sys/mman.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <random>
#include <unordered_map>
#include <vector>

#include "cuda/simt.h"

#if !defined(__x86_64__)
#error "the fiber switch below is written for x86-64"
#endif

// sambay_simt_switch(&from, to): puts the registers a callee must keep on this stack, leaves its pointer in `from`, and
// goes on where `to` was left. The floating-point mode is the same on all stacks.
asm(R"(
.text
.type sambay_simt_switch, @function
.hidden sambay_simt_switch
.globl sambay_simt_switch
sambay_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size sambay_simt_switch, .-sambay_simt_switch
)");
extern "C" void sambay_simt_switch(void** from, void* to);

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace sambay::cuda {

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace simt {
namespace {

constexpr int kMaxThreads = 1024, kMaxWarps = kMaxThreads / 32, kBarriers = 16;
constexpr int64_t kMaxShared = 227 * 1024, kGuard = 4096, kMaxParams = 4096;
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kStack = 512 * 1024;  // the sanitizer's frames are many times larger
#else
constexpr size_t kStack = 128 * 1024;
#endif

// Tells the address sanitizer that the stack is about to change, and that it has.
#if defined(__SANITIZE_ADDRESS__)
void leave_stack(void** fake, const void* bottom, size_t size) { __sanitizer_start_switch_fiber(fake, bottom, size); }
void enter_stack(void* fake, const void** bottom, size_t* size) { __sanitizer_finish_switch_fiber(fake, bottom, size); }
#else
void leave_stack(void**, const void*, size_t) {}
void enter_stack(void*, const void**, size_t*) {}
#endif

struct Copy {
  unsigned char* shared;
  const void* global;
  int bytes, valid_bytes;
  int64_t group;
};

struct Fiber {
  void* stack_pointer = nullptr;
  void* fake_stack = nullptr;
  dim3 index;
  bool exited = false;
  Site waits_at{};  // while it does
  std::deque<Copy> copies;
  int64_t group = 0;  // the one being filled
};

struct Warp {
  Site site{};
  uint32_t arrived = 0;
  void* lanes[32];
};

struct Warpgroup {
  Site site{};
  int arrived = 0;
  void* lanes[128];
};

struct Barrier {
  Site site{};
  int threads = 0, arrived = 0;
  bool any = false, result = false;
  std::vector<int> waiting;
};

struct PhaseBarrier {
  int arrivals = 0, missing = 0;
  int64_t bytes = 0;
  int phase = 0;
  std::vector<int> waiting;
};

struct BulkCopy {
  void* shared;
  const void* global;
  int bytes;
  uint64_t* barrier;
};

// One block at a time; the grid's state is that of the one block that runs.
class Machine {
 public:
  Machine() {
    stacks_ = map(kMaxThreads * kStack);
    for (int i = 0; i < kMaxThreads; ++i) {  // the lowest page of each stack stays shut
      if (mprotect(stack(i), static_cast<size_t>(sysconf(_SC_PAGESIZE)), PROT_NONE) != 0) std::abort();
    }
    arena_ = map(kGuard + kMaxShared + kGuard);
    const char* order = std::getenv("SAMBAY_SIMT_ORDER");
    if (order == nullptr || std::strcmp(order, "ascending") == 0) return;
    if (std::strcmp(order, "descending") == 0) {
      order_.kind = Order::kDescending;
    } else {
      order_ = {Order::kShuffled, std::strtoull(order, nullptr, 10)};
    }
  }

  void set_order(Order order) {
    std::lock_guard lock(mutex_);
    order_ = order;
  }

  void run(dim3 grid, dim3 block, int64_t shared_bytes, void (*kernel)(const void*), const void* params,
           bool overlaps_previous) {
    std::lock_guard lock(mutex_);
    threads_ = static_cast<int>(std::min<uint64_t>(uint64_t{block.x} * block.y * block.z, kMaxThreads + 1));
    if (threads_ == 0 || threads_ > kMaxThreads || threads_ % 32 != 0) {
      fail("blocks of %u x %u x %u threads, expected whole warps and at most %d threads", block.x, block.y, block.z,
           kMaxThreads);
    }
    if (grid.x == 0 || grid.x > 0x7fffffffu || grid.y == 0 || grid.y > 65535 || grid.z == 0 || grid.z > 65535) {
      fail("a grid of %u x %u x %u blocks, expected 1 to 2147483647, 65535, 65535", grid.x, grid.y, grid.z);
    }
    if (shared_bytes < 0 || shared_bytes > kMaxShared) {
      fail("%lld bytes of shared memory, no card has more than %lld", static_cast<long long>(shared_bytes),
           static_cast<long long>(kMaxShared));
    }
    kernel_ = kernel;
    params_ = params;
    shared_bytes_ = shared_bytes;
    overlaps_previous_ = overlaps_previous;
    gridDim = grid;
    blockDim = block;
    random_.seed(order_.seed);
    const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
    std::vector<uint64_t> places;
    if (order_.kind == Order::kShuffled) {
      for (uint64_t i = 0; i < blocks; ++i) places.push_back(i);
      std::shuffle(places.begin(), places.end(), random_);
    }
    for (uint64_t i = 0; i < blocks; ++i) {
      const uint64_t place = !places.empty() ? places[i] : order_.kind == Order::kDescending ? blocks - 1 - i : i;
      blockIdx = {static_cast<uint32_t>(place % grid.x), static_cast<uint32_t>(place / grid.x % grid.y),
                  static_cast<uint32_t>(place / grid.x / grid.y)};
      run_block();
    }
  }

  // ---- called by the fiber that runs
  // ----------------------------------------------------------------------------------

  int thread() const { return current_; }
  Fiber& self() { return fibers_[current_]; }
  unsigned char* shared() { return arena_ + kGuard; }
  int64_t shared_bytes() const { return shared_bytes_; }

  void meet_warp(Site site, void (*action)(void* const*), void* lane) {
    Warp& warp = warps_[current_ / 32];
    expect_same("warp", warp.arrived != 0, warp.site, site);
    warp.site = site;
    warp.arrived |= 1u << (current_ % 32);
    warp.lanes[current_ % 32] = lane;
    if (warp.arrived == 0xffffffffu) {
      action(warp.lanes);
      warp.arrived = 0;
      ready_[current_ / 32] = 0xffffffffu;
      ready_warps_ |= 1u << (current_ / 32);
    }
    park(site);
  }

  void meet_warpgroup(Site site, void (*action)(void* const*), void* lane) {
    const int number = current_ / 128;
    if (number * 128 + 128 > threads_) fail("%s (%s:%d) in less than four warps", site.operation, site.file, site.line);
    Warpgroup& group = warpgroups_[number];
    expect_same("warpgroup", group.arrived != 0, group.site, site);
    group.site = site;
    group.arrived += 1;
    group.lanes[current_ % 128] = lane;
    if (group.arrived == 128) {
      action(group.lanes);
      group.arrived = 0;
      for (int i = 0; i < 128; ++i) wake(number * 128 + i);
    }
    park(site);
  }

  bool meet_block(Site site, int id, int threads, bool value, bool wait) {
    if (id < 0 || id >= kBarriers || threads % 32 != 0) {
      fail("%s (%s:%d) on barrier %d with %d threads, expected 0 to 15 and whole warps", site.operation, site.file,
           site.line, id, threads);
    }
    Barrier& barrier = barriers_[id];
    if (id == 0) {
      expect_same("block", barrier.arrived != 0, barrier.site, site);
    } else if (barrier.arrived != 0 && barrier.threads != threads) {
      fail("%s (%s:%d) on barrier %d with %d threads, others came with %d (%s:%d)", site.operation, site.file,
           site.line, id, threads, barrier.threads, barrier.site.file, barrier.site.line);
    }
    barrier.site = site;
    barrier.threads = threads;
    barrier.arrived += 1;
    barrier.any = barrier.any || value;
    if (wait) barrier.waiting.push_back(current_);
    complete_if_full(barrier);
    if (wait) park(site);
    return barrier.result;
  }

  // ---- bulk copies
  // ------------------------------------------------------------------------------------------------------

  void waited_for_previous() { waited_ = true; }

  PhaseBarrier& phase_barrier(const char* operation, uint64_t* address) {
    check_shared(operation, address, 8, 8);
    auto found = phase_barriers_.find(address);
    if (found == phase_barriers_.end()) fail("%s on an mbarrier before mbarrier_init", operation);
    return found->second;
  }
  void init(uint64_t* address, int arrivals) {
    check_shared("mbarrier_init", address, 8, 8);
    phase_barriers_[address] = {arrivals, arrivals, 0, 0, {}};
  }
  void arrive(PhaseBarrier& barrier, int bytes) {
    barrier.bytes += bytes;
    barrier.missing -= 1;
    if (barrier.missing < 0) fail("more arrivals on an mbarrier than the %d of its phase", barrier.arrivals);
    end_phase_if_full(barrier);
  }
  void wait(PhaseBarrier& barrier, int parity, Site site) {
    while (barrier.phase % 2 == parity) {
      barrier.waiting.push_back(current_);
      park(site);
    }
  }
  void copy_later(BulkCopy copy) { bulk_copies_.push_back(copy); }

 private:
  static unsigned char* map(size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::fprintf(stderr, "simt: no memory for the stacks of the threads\n");
      std::abort();
    }
    return static_cast<unsigned char*>(memory);
  }
  unsigned char* stack(int thread) { return stacks_ + static_cast<size_t>(thread) * kStack; }

  void run_block() {
    std::memset(arena_, 0xff, static_cast<size_t>(kGuard + shared_bytes_ + kGuard));
    for (int i = 0; i < threads_; ++i) prepare(i);
    std::fill(warps_, warps_ + kMaxWarps, Warp{});
    std::fill(warpgroups_, warpgroups_ + kMaxThreads / 128, Warpgroup{});
    for (Barrier& barrier : barriers_) barrier = {};
    std::fill(ready_, ready_ + kMaxWarps, 0);
    std::fill(ready_, ready_ + threads_ / 32, 0xffffffffu);
    ready_warps_ = threads_ == kMaxThreads ? 0xffffffffu : (1u << (threads_ / 32)) - 1;
    alive_ = threads_;
    waited_ = false;
    phase_barriers_.clear();
    bulk_copies_.clear();

    caller_size_ = 0;
    Fiber& first = fibers_[choose()];
    void* fake = nullptr;
    leave_stack(&fake, stack(current_), kStack);
    sambay_simt_switch(&caller_, first.stack_pointer);
    enter_stack(fake, nullptr, nullptr);

    if (overlaps_previous_ && !waited_) {
      fail("the block ends without grid_dependency_wait(), but its launch may overlap the one before");
    }
    if (!bulk_copies_.empty()) fail("the block ends with bulk copies under way");
    for (int64_t i = 0; i < kGuard; ++i) {
      if (arena_[i] != 0xff)
        fail("shared memory was written %lld bytes before its begin", static_cast<long long>(kGuard - i));
      if (shared()[shared_bytes_ + i] != 0xff) {
        fail("shared memory was written %lld bytes after its end; the launch asked for %lld bytes",
             static_cast<long long>(i), static_cast<long long>(shared_bytes_));
      }
    }
  }

  void prepare(int thread) {
    Fiber& fiber = fibers_[thread];
    const auto t = static_cast<uint32_t>(thread);
    fiber.index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
    fiber.exited = false;
    fiber.fake_stack = nullptr;
    fiber.copies.clear();
    fiber.group = 0;
    // As if sambay_simt_switch had been called by the instruction before fiber_main: six registers and a return
    // address, above which the stack is aligned as at any function's entry.
    void** top = reinterpret_cast<void**>(stack(thread) + kStack) - 2;
    *top = reinterpret_cast<void*>(&fiber_main);
    top -= 6;
    std::fill(top, top + 6, nullptr);
    fiber.stack_pointer = top;
  }

  static void fiber_main();

  void thread_main() {
    const void* bottom = nullptr;
    size_t size = 0;
    enter_stack(nullptr, &bottom, &size);
    if (caller_size_ == 0) {  // the block's first thread comes from there, the others from one another
      caller_bottom_ = bottom;
      caller_size_ = size;
    }
    kernel_(params_);
    Fiber& fiber = self();
    if (!fiber.copies.empty()) fail("the thread ends with asynchronous copies under way");
    if (forget_products(current_)) fail("the thread ends with products of wgmma under way");
    fiber.exited = true;
    alive_ -= 1;
    if (alive_ == 0) {
      leave_stack(nullptr, caller_bottom_, caller_size_);
      sambay_simt_switch(&fiber.stack_pointer, caller_);
    }
    complete_if_full(barriers_[0]);
    void* mine = nullptr;
    const int next = choose();
    leave_stack(nullptr, stack(next), kStack);
    sambay_simt_switch(&mine, fibers_[next].stack_pointer);
    std::abort();  // nobody comes back to a thread that ended
  }

  // The next thread that can run; sets threadIdx.
  int choose() {
    while (ready_warps_ == 0) {
      if (bulk_copies_.empty()) report_deadlock();
      land_bulk_copy();
    }
    int warp, lane;
    if (order_.kind == Order::kAscending) {
      warp = std::countr_zero(ready_warps_);
      lane = std::countr_zero(ready_[warp]);
    } else if (order_.kind == Order::kDescending) {
      warp = 31 - std::countl_zero(ready_warps_);
      lane = 31 - std::countl_zero(ready_[warp]);
    } else {
      // Mostly the warp that ran last, so that some warps get far ahead of others.
      const uint64_t dice = random_();
      warp = current_ / 32;
      if ((ready_warps_ >> warp & 1) == 0 || dice % 16 == 0) warp = random_bit(ready_warps_, dice >> 8);
      lane = random_bit(ready_[warp], dice >> 32);
    }
    ready_[warp] &= ~(1u << lane);
    if (ready_[warp] == 0) ready_warps_ &= ~(1u << warp);
    current_ = warp * 32 + lane;
    threadIdx = fibers_[current_].index;
    return current_;
  }

  static int random_bit(uint32_t bits, uint64_t dice) {
    for (auto skip = static_cast<int>((dice & 0xffffff) % static_cast<uint64_t>(std::popcount(bits))); skip > 0;
         --skip) {
      bits &= bits - 1;
    }
    return std::countr_zero(bits);
  }

  void wake(int thread) {
    ready_[thread / 32] |= 1u << (thread % 32);
    ready_warps_ |= 1u << (thread / 32);
  }

  void park(Site site) {
    Fiber& mine = self();
    mine.waits_at = site;
    const int next = choose();
    Fiber& other = fibers_[next];
    if (&other == &mine) return;
    leave_stack(&mine.fake_stack, stack(next), kStack);
    sambay_simt_switch(&mine.stack_pointer, other.stack_pointer);
    enter_stack(mine.fake_stack, nullptr, nullptr);
  }

  void complete_if_full(Barrier& barrier) {
    const int expected = barrier.threads == 0 ? alive_ : barrier.threads;
    if (barrier.arrived == 0 || barrier.arrived < expected) return;
    barrier.result = barrier.any;
    barrier.any = false;
    barrier.arrived = 0;
    for (int thread : barrier.waiting) wake(thread);
    barrier.waiting.clear();
  }

  void end_phase_if_full(PhaseBarrier& barrier) {
    if (barrier.missing != 0 || barrier.bytes != 0) return;
    barrier.phase += 1;
    barrier.missing = barrier.arrivals;
    for (int thread : barrier.waiting) wake(thread);
    barrier.waiting.clear();
  }

  void land_bulk_copy() {
    const BulkCopy copy = bulk_copies_.front();
    bulk_copies_.pop_front();
    std::memcpy(copy.shared, copy.global, static_cast<size_t>(copy.bytes));
    PhaseBarrier& barrier = phase_barrier("bulk_copy", copy.barrier);
    barrier.bytes -= copy.bytes;
    end_phase_if_full(barrier);
  }

  void expect_same(const char* group, bool others_wait, const Site& there, const Site& here) {
    if (!others_wait) return;
    if (there.line == here.line && std::strcmp(there.operation, here.operation) == 0 &&
        std::strcmp(there.file, here.file) == 0) {
      return;
    }
    fail("the %s diverges: this thread is at %s (%s:%d), others wait at %s (%s:%d)", group, here.operation, here.file,
         here.line, there.operation, there.file, there.line);
  }

  [[noreturn]] void report_deadlock() {
    int waiting = 0, exited = 0, first = -1;
    for (int i = 0; i < threads_; ++i) {
      if (fibers_[i].exited) {
        exited += 1;
      } else {
        waiting += 1;
        if (first < 0) first = i;
      }
    }
    const Site& site = fibers_[first].waits_at;
    for (int i = first + 1; i < threads_; ++i) {
      const Site& other = fibers_[i].waits_at;
      if (!fibers_[i].exited && (other.line != site.line || std::strcmp(other.operation, site.operation) != 0)) {
        fail("deadlock: %d threads wait and %d have ended; thread %d is at %s (%s:%d), thread %d at %s (%s:%d)",
             waiting, exited, first, site.operation, site.file, site.line, i, other.operation, other.file, other.line);
      }
    }
    fail("deadlock: %d threads wait at %s (%s:%d) and %d have ended", waiting, site.operation, site.file, site.line,
         exited);
  }

  std::mutex mutex_;
  Order order_;
  std::mt19937_64 random_;
  unsigned char* stacks_;
  unsigned char* arena_;

  void (*kernel_)(const void*) = nullptr;
  const void* params_ = nullptr;
  int64_t shared_bytes_ = 0;
  bool overlaps_previous_ = false, waited_ = false;
  int threads_ = 0, alive_ = 0, current_ = 0;
  void* caller_ = nullptr;
  const void* caller_bottom_ = nullptr;
  size_t caller_size_ = 0;

  Fiber fibers_[kMaxThreads];
  Warp warps_[kMaxWarps];
  Warpgroup warpgroups_[kMaxThreads / 128];
  Barrier barriers_[kBarriers];
  uint32_t ready_[kMaxWarps];
  uint32_t ready_warps_ = 0;
  std::unordered_map<uint64_t*, PhaseBarrier> phase_barriers_;
  std::deque<BulkCopy> bulk_copies_;
};

Machine& machine() {
  static Machine* one = new Machine;  // never destroyed: its stacks may be in use when the process ends
  return *one;
}

void Machine::fiber_main() { machine().thread_main(); }

}  // namespace

void set_order(Order order) { machine().set_order(order); }

void run(dim3 grid, dim3 block, int64_t shared_bytes, void (*kernel)(const void*), const void* params,
         bool overlaps_previous) {
  machine().run(grid, block, shared_bytes, kernel, params, overlaps_previous);
}

void fail(const char* format, ...) {
  char sentence[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  std::fprintf(stderr, "simt: block (%u, %u, %u) of (%u, %u, %u), thread %d of %u x %u x %u: %s\n", blockIdx.x,
               blockIdx.y, blockIdx.z, gridDim.x, gridDim.y, gridDim.z, machine().thread(), blockDim.x, blockDim.y,
               blockDim.z, sentence);
  std::abort();
}

void not_on_the_host(const char* what) { fail("%s has no spelling on the host; this kernel needs a GPU", what); }

unsigned char* shared_memory() { return machine().shared(); }
int thread() { return machine().thread(); }
int lane() { return thread() % 32; }

void meet_warp(Site site, void (*action)(void* const*), void* lane_pointer) {
  machine().meet_warp(site, action, lane_pointer);
}
void meet_warpgroup(Site site, void (*action)(void* const*), void* lane_pointer) {
  machine().meet_warpgroup(site, action, lane_pointer);
}
bool meet_block(Site site, int barrier, int threads, bool value, bool wait) {
  return machine().meet_block(site, barrier, threads, value, wait);
}

void check_shared(const char* operation, const void* address, int bytes, int alignment) {
  const auto* at = static_cast<const unsigned char*>(address);
  const int64_t offset = at - machine().shared();
  if (reinterpret_cast<uintptr_t>(at) % static_cast<uintptr_t>(alignment) != 0) {
    fail("%s at offset %lld of shared memory, which is not a multiple of %d", operation, static_cast<long long>(offset),
         alignment);
  }
  if (at < machine().shared() || offset + bytes > machine().shared_bytes()) {
    fail("%s of %d bytes at offset %lld of %lld bytes of shared memory", operation, bytes,
         static_cast<long long>(offset), static_cast<long long>(machine().shared_bytes()));
  }
}

// ---- asynchronous copies
// ----------------------------------------------------------------------------------------------

void copy_async(void* shared, const void* global, int bytes, int valid_bytes) {
  check_shared("cp_async", shared, bytes, bytes);
  if (reinterpret_cast<uintptr_t>(global) % static_cast<uintptr_t>(bytes) != 0) {
    fail("cp_async of %d bytes from %p, which is not aligned to them", bytes, global);
  }
  std::memset(shared, 0xff, static_cast<size_t>(bytes));
  Fiber& self = machine().self();
  self.copies.push_back({static_cast<unsigned char*>(shared), global, bytes, valid_bytes, self.group});
}

void copy_commit() { machine().self().group += 1; }

void copy_wait(int groups) {
  Fiber& self = machine().self();
  while (!self.copies.empty() && (groups < 0 || self.copies.front().group < self.group - groups)) {
    const Copy copy = self.copies.front();
    self.copies.pop_front();
    if (copy.valid_bytes > 0) std::memcpy(copy.shared, copy.global, static_cast<size_t>(copy.valid_bytes));
    std::memset(copy.shared + copy.valid_bytes, 0, static_cast<size_t>(copy.bytes - copy.valid_bytes));
  }
}

uint32_t vote(Site site, bool value) {
  struct Vote {
    bool value;
    uint32_t result;
  } mine{value, 0};
  meet_warp(
      site,
      [](void* const* lanes) {
        uint32_t bits = 0;
        for (int i = 0; i < 32; ++i) bits |= static_cast<uint32_t>(static_cast<Vote*>(lanes[i])->value) << i;
        for (int i = 0; i < 32; ++i) static_cast<Vote*>(lanes[i])->result = bits;
      },
      &mine);
  return mine.result;
}

}  // namespace simt

// ---- bulk copies
// --------------------------------------------------------------------------------------------------------

void grid_dependency_wait() { simt::machine().waited_for_previous(); }
void mbarrier_init(uint64_t* barrier, int arrivals) { simt::machine().init(barrier, arrivals); }
void mbarrier_arrive(uint64_t* barrier) {
  simt::machine().arrive(simt::machine().phase_barrier("mbarrier_arrive", barrier), 0);
}
void mbarrier_arrive_expect(uint64_t* barrier, int bytes) {
  simt::machine().arrive(simt::machine().phase_barrier("mbarrier_arrive_expect", barrier), bytes);
}
void mbarrier_wait(uint64_t* barrier, int parity, const char* file, int line) {
  simt::machine().wait(simt::machine().phase_barrier("mbarrier_wait", barrier), parity, {"mbarrier_wait", file, line});
}
void bulk_copy(void* shared, const void* global, int bytes, uint64_t* barrier) {
  simt::check_shared("bulk_copy", shared, bytes, 16);
  simt::machine().phase_barrier("bulk_copy", barrier);
  if (bytes <= 0 || bytes % 16 != 0 || reinterpret_cast<uintptr_t>(global) % 16 != 0) {
    simt::fail("bulk_copy of %d bytes from %p, expected multiples of 16", bytes, global);
  }
  std::memset(shared, 0xff, static_cast<size_t>(bytes));
  simt::machine().copy_later({shared, global, bytes, barrier});
}

// ---- tensor cores
// -------------------------------------------------------------------------------------------------------

namespace {

struct Mma {
  float* d;
  const uint32_t* a;
  const uint32_t* b;
};

// Half `half` of a register as a number.
template <class T>
float half_of(uint32_t pair, int half) {
  return to_float(T{static_cast<uint16_t>(pair >> (16 * half))});
}

template <class T>
void multiply(void* const* lanes) {
  float a[16][16], b[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const auto* from = static_cast<const Mma*>(lanes[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int half = 0; half < 2; ++half) {
      a[g][2 * t + half] = half_of<T>(from->a[0], half);
      a[g + 8][2 * t + half] = half_of<T>(from->a[1], half);
      a[g][2 * t + 8 + half] = half_of<T>(from->a[2], half);
      a[g + 8][2 * t + 8 + half] = half_of<T>(from->a[3], half);
      b[2 * t + half][g] = half_of<T>(from->b[0], half);
      b[2 * t + 8 + half][g] = half_of<T>(from->b[1], half);
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    auto* to = static_cast<Mma*>(lanes[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      const int row = g + 8 * (i / 2), column = 2 * t + i % 2;
      float sum = to->d[i];
      for (int k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];  // the product is exact
      to->d[i] = sum;
    }
  }
}

struct MatrixLoad {
  const void* row;
  uint32_t* r;
};

template <int kMatrices, bool kTransposed>
void load_matrices(void* const* lanes) {
  for (int matrix = 0; matrix < kMatrices; ++matrix) {
    uint16_t elements[8][8];
    for (int row = 0; row < 8; ++row) {
      std::memcpy(elements[row], static_cast<MatrixLoad*>(lanes[8 * matrix + row])->row, 16);
    }
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = 2 * (lane % 4);
      const uint32_t low = kTransposed ? elements[t][g] : elements[g][t];
      const uint32_t high = kTransposed ? elements[t + 1][g] : elements[g][t + 1];
      static_cast<MatrixLoad*>(lanes[lane])->r[matrix] = low | high << 16;
    }
  }
}

template <int kMatrices, bool kTransposed>
void ldmatrix(simt::Site site, uint32_t* r, const void* row) {
  if (simt::lane() < 8 * kMatrices) simt::check_shared(site.operation, row, 16, 16);
  MatrixLoad mine{row, r};
  simt::meet_warp(site, load_matrices<kMatrices, kTransposed>, &mine);
}

}  // namespace

void mma_bf16_16x8x16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const char* file, int line) {
  Mma mine{d, a, b};
  simt::meet_warp({"mma_bf16_16x8x16", file, line}, multiply<bf16>, &mine);
}
void mma_f16_16x8x16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const char* file, int line) {
  Mma mine{d, a, b};
  simt::meet_warp({"mma_f16_16x8x16", file, line}, multiply<f16>, &mine);
}
void ldmatrix_x4(uint32_t (&r)[4], const void* row, const char* file, int line) {
  ldmatrix<4, false>({"ldmatrix_x4", file, line}, r, row);
}
void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row, const char* file, int line) {
  ldmatrix<4, true>({"ldmatrix_x4_trans", file, line}, r, row);
}
void ldmatrix_x2(uint32_t (&r)[2], const void* row, const char* file, int line) {
  ldmatrix<2, false>({"ldmatrix_x2", file, line}, r, row);
}
void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row, const char* file, int line) {
  ldmatrix<2, true>({"ldmatrix_x2_trans", file, line}, r, row);
}

}  // namespace sambay::cuda
