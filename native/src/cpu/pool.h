#ifndef SAMBAY_CPU_POOL_H_
#define SAMBAY_CPU_POOL_H_

#include <cstdint>
#include <memory>

namespace sambay {

// A fixed set of threads that work through numbered tasks together. Tasks are claimed one by one, so a thread that the
// system has taken off its core delays at most the task it holds. Idle threads spin for a moment, because the next
// operation of a forward pass usually follows within microseconds, and then sleep.
//
// Nothing here is inline: this header is read by objects with different instruction sets.
class Pool {
 public:
  // Called as task(context, index, thread), 0 <= index < tasks, 0 <= thread < threads(). Two tasks that run at the same
  // time see different threads, so `thread` may name a private place to work in.
  using Task = void (*)(void* context, int64_t index, int thread);

  // `threads` >= 1 includes the thread that calls run(). Throws std::system_error if the system gives no more threads.
  explicit Pool(int threads);
  // Waits for the workers to end. In a process that fork() made there are none to wait for.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const;

  // Returns when all tasks are done; what they wrote is then visible to the caller. If a task throws, tasks not yet
  // begun are dropped and the first exception continues in the caller. Callers on several threads wait for one another;
  // a task must not call run() of its own pool.
  void run(int64_t tasks, Task task, void* context);

  // At least `bytes` of memory private to `thread`, 64-byte aligned, not cleared. The same memory is returned by the
  // next call for that thread, so take it once per task. Throws std::bad_alloc.
  void* scratch(int thread, int64_t bytes);
  // The same for memory that all tasks of one operation share; taken by the caller before run().
  void* shared_scratch(int64_t bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sambay

#endif  // SAMBAY_CPU_POOL_H_
