#include "cpu/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sambay {
namespace {

// Long enough to bridge the gap between two operations of one step, short enough that a core given to nobody is not
// worth mentioning.
constexpr auto kSpin = std::chrono::microseconds(60);
constexpr int kPausesPerLookAtClock = 32;

constexpr int64_t kMaxTasksPerRound = int64_t{1} << 31;

#if defined(__x86_64__)
constexpr unsigned kDefaultMxcsr = 0x1f80;  // round to nearest, denormals kept: whatever the creating thread had set
#endif

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// True as soon as done() is, false if it was not within kSpin.
template <class Done>
bool spin_until(Done done) {
  auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < kPausesPerLookAtClock; ++i) {
      if (done()) {
        return true;
      }
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

// A worker must not run the signal handlers of the process it lives in (a Java VM has several). Signals of a crash stay
// open, so that the VM can still report one.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
      sigdelset(&blocked, crash);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// A woken thread may push another one off its core, and where every core is taken the system wakes a worker on that of
// its own caller: both then share one core while the worker spins for what only the caller can give it. A batch thread
// waits until a core is free instead; nothing else about it is different.
void wake_without_pushing() {
#if defined(SCHED_BATCH)
  sched_param parameters{};
  pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters);  // it works without, too
#endif
}

// Memory that grows and is never given back before its end: the sizes repeat from step to step.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void* at_least(int64_t bytes) {
    if (bytes > capacity_) {
      std::free(data_);
      data_ = nullptr;
      capacity_ = 0;
      int64_t rounded = (bytes + 4095) / 4096 * 4096;
      data_ = std::aligned_alloc(64, static_cast<size_t>(rounded));
      if (data_ == nullptr) {
        throw std::bad_alloc();
      }
      capacity_ = rounded;
    }
    return data_;
  }

 private:
  void* data_ = nullptr;
  int64_t capacity_ = 0;
};

}  // namespace

// The heart is `claim`: the number of the round in its upper half, the next unclaimed task in its lower half. A thread
// claims a task by raising it with compare-and-swap, which succeeds only while that round is still under way; so a
// worker that wakes up late finds its round gone and never touches the arguments of a finished one. For the same reason
// run() waits for tasks, not for workers: whoever comes late is not missed. Rounds with work have even numbers; the odd
// one before says that the arguments are being written.
struct Pool::State {
  alignas(64) std::atomic<uint64_t> claim{0};
  alignas(64) std::atomic<int64_t> finished{0};

  // Of the current round. Stored with release and loaded with acquire, so that a late worker that reads a new one
  // cannot go on to see the old claim.
  alignas(64) std::atomic<int64_t> tasks{0};
  std::atomic<int64_t> first{0};
  std::atomic<Task> task{nullptr};
  std::atomic<void*> context{nullptr};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;  // written by the thread that set `failed`

  std::mutex one_caller;
  std::mutex sleep;
  std::condition_variable work_came;
  std::condition_variable work_done;
  std::atomic<int> sleeping_workers{0};
  std::atomic<bool> caller_sleeps{false};
  std::atomic<bool> stop{false};

  pid_t owner = getpid();
  std::vector<std::thread> workers;
  std::unique_ptr<Scratch[]> scratch;  // one per thread, then the shared one

  static uint32_t round_of(uint64_t claim_value) { return static_cast<uint32_t>(claim_value >> 32); }

  void work_on(uint32_t round, int thread);
  void worker(int thread);
  void run_round(int64_t first_task, int64_t count, Task function, void* function_context);
  void join();
};

void Pool::State::work_on(uint32_t round, int thread) {
  if (round % 2 != 0) {
    return;
  }
  int64_t count = tasks.load(std::memory_order_acquire);
  int64_t offset = first.load(std::memory_order_acquire);
  Task function = task.load(std::memory_order_acquire);
  void* function_context = context.load(std::memory_order_acquire);
  uint64_t seen = claim.load(std::memory_order_acquire);
  for (;;) {
    auto index = static_cast<int64_t>(seen & 0xffffffffu);
    if (round_of(seen) != round || index >= count) {
      return;
    }
    if (!claim.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
      continue;
    }
    if (!failed.load(std::memory_order_relaxed)) {
      try {
        function(function_context, offset + index, thread);
      } catch (...) {
        if (!failed.exchange(true)) {
          failure = std::current_exception();
        }
      }
    }
    // seq_cst on both sides: either the caller sees the last task finished, or this thread sees the caller asleep.
    if (finished.fetch_add(1, std::memory_order_seq_cst) + 1 == count &&
        caller_sleeps.load(std::memory_order_seq_cst)) {
      std::lock_guard lock(sleep);
      work_done.notify_one();
    }
    seen = claim.load(std::memory_order_acquire);
  }
}

void Pool::State::worker(int thread) {
  char name[16];
  std::snprintf(name, sizeof name, "sambay-%d", thread);
  pthread_setname_np(pthread_self(), name);
  wake_without_pushing();
#if defined(__x86_64__)
  _mm_setcsr(kDefaultMxcsr);
#endif
  uint32_t round = 0;
  for (;;) {
    auto news = [&] { return round_of(claim.load(std::memory_order_seq_cst)) != round || stop.load(); };
    if (!spin_until(news)) {
      std::unique_lock lock(sleep);
      ++sleeping_workers;
      work_came.wait(lock, news);
      --sleeping_workers;
    }
    if (stop.load()) {
      return;
    }
    round = round_of(claim.load(std::memory_order_acquire));
    work_on(round, thread);
  }
}

void Pool::State::run_round(int64_t first_task, int64_t count, Task function, void* function_context) {
  uint32_t round = round_of(claim.load(std::memory_order_relaxed)) + 2;
  claim.store(uint64_t{round - 1} << 32, std::memory_order_release);
  tasks.store(count, std::memory_order_release);
  first.store(first_task, std::memory_order_release);
  task.store(function, std::memory_order_release);
  context.store(function_context, std::memory_order_release);
  finished.store(0, std::memory_order_relaxed);
  claim.store(uint64_t{round} << 32, std::memory_order_seq_cst);
  if (sleeping_workers.load(std::memory_order_seq_cst) > 0) {
    std::lock_guard lock(sleep);
    work_came.notify_all();
  }
  work_on(round, 0);
  auto all_finished = [&] { return finished.load(std::memory_order_seq_cst) == count; };
  if (!spin_until(all_finished)) {
    std::unique_lock lock(sleep);
    caller_sleeps.store(true, std::memory_order_seq_cst);
    work_done.wait(lock, all_finished);
    caller_sleeps.store(false, std::memory_order_relaxed);
  }
}

void Pool::State::join() {
  {
    std::lock_guard lock(sleep);
    stop.store(true);
    work_came.notify_all();
  }
  for (std::thread& worker_thread : workers) {
    worker_thread.join();
  }
}

Pool::Pool(int threads) : state_(std::make_unique<State>()) {
  state_->scratch = std::make_unique<Scratch[]>(static_cast<size_t>(threads) + 1);
  state_->workers.reserve(static_cast<size_t>(threads) - 1);
  SignalsBlocked blocked;  // inherited by the workers
  try {
    for (int thread = 1; thread < threads; ++thread) {
      state_->workers.emplace_back(&State::worker, state_.get(), thread);
    }
  } catch (...) {
    state_->join();
    throw;
  }
}

Pool::~Pool() {
  if (getpid() == state_->owner) {
    state_->join();
  } else {
    // The child of a fork has no workers, but its copies of their locks may be held for ever: leave them be.
    static_cast<void>(state_.release());
  }
}

int Pool::threads() const { return static_cast<int>(state_->workers.size()) + 1; }

void Pool::run(int64_t tasks, Task task, void* context) {
  State& state = *state_;
  std::lock_guard lock(state.one_caller);
  bool alone = state.workers.empty() || tasks == 1 || getpid() != state.owner;
  if (alone) {
    for (int64_t index = 0; index < tasks; ++index) {
      task(context, index, 0);
    }
    return;
  }
  state.failed.store(false, std::memory_order_relaxed);
  for (int64_t first = 0; first < tasks && !state.failed.load(); first += kMaxTasksPerRound) {
    state.run_round(first, std::min(tasks - first, kMaxTasksPerRound), task, context);
  }
  if (state.failed.load(std::memory_order_relaxed)) {
    std::rethrow_exception(std::exchange(state.failure, nullptr));
  }
}

void* Pool::scratch(int thread, int64_t bytes) { return state_->scratch[thread].at_least(bytes); }

void* Pool::shared_scratch(int64_t bytes) { return state_->scratch[threads()].at_least(bytes); }

}  // namespace sambay
