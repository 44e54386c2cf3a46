#include "cpu/pool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

namespace {

using sambay::Pool;

template <class Body>
void parallel(Pool& pool, int64_t tasks, Body body) {
  pool.run(
      tasks, [](void* context, int64_t index, int thread) { (*static_cast<Body*>(context))(index, thread); }, &body);
}

void every_task_runs_once_on_a_thread_of_its_own() {
  for (int threads : {1, 2, 3, 16}) {
    Pool pool(threads);
    CHECK(pool.threads() == threads, "a pool of %d says %d", threads, pool.threads());
    for (int64_t tasks : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
      std::vector<std::atomic<int>> busy(static_cast<size_t>(threads));
      parallel(pool, tasks, [&](int64_t index, int thread) {
        CHECK(thread >= 0 && thread < threads, "thread %d of %d", thread, threads);
        CHECK(busy[static_cast<size_t>(thread)]++ == 0, "two tasks at once on thread %d", thread);
        runs[static_cast<size_t>(index)]++;
        busy[static_cast<size_t>(thread)]--;
      });
      for (int64_t i = 0; i < tasks; ++i) {
        CHECK(runs[static_cast<size_t>(i)] == 1, "task %ld ran %d times", static_cast<long>(i),
              runs[static_cast<size_t>(i)].load());
      }
    }
  }
}

// Short rounds of changing length, with more threads than cores: workers wake up late and must not disturb later
// rounds.
void late_workers_do_no_harm() {
  Pool pool(8);
  int64_t sum = 0;
  for (int round = 0; round < 20000; ++round) {
    std::atomic<int64_t> found{0};
    int64_t tasks = 2 + round % 13;
    parallel(pool, tasks, [&, round](int64_t index, int) { found += index + round; });
    int64_t expected = tasks * (tasks - 1) / 2 + tasks * round;
    if (!CHECK(found == expected, "round %d: %ld, expected %ld", round, static_cast<long>(found),
               static_cast<long>(expected))) {
      return;
    }
    sum += found;
    if (round % 5000 == 0) {
      usleep(2000);  // let the workers fall asleep
    }
  }
  CHECK(sum > 0, "nothing was added");
}

void callers_on_two_threads_wait_for_one_another() {
  Pool pool(3);
  std::atomic<int> inside{0};
  auto caller = [&] {
    for (int i = 0; i < 500; ++i) {
      std::atomic<int> count{0};
      parallel(pool, 5, [&](int64_t, int) {
        inside++;
        count++;
        inside--;
      });
      CHECK(count == 5, "%d of 5 tasks", count.load());
    }
  };
  std::thread first(caller), second(caller);
  first.join();
  second.join();
  CHECK(inside == 0, "%d tasks never ended", inside.load());
}

// The task of one pool may use another.
void pools_nest() {
  Pool outer(2), left(2), right(2);
  std::atomic<int> count{0};
  parallel(outer, 2,
           [&](int64_t index, int) { parallel(index == 0 ? left : right, 100, [&](int64_t, int) { count++; }); });
  CHECK(count == 200, "%d of 200 tasks", count.load());
}

void exceptions_reach_the_caller_and_the_pool_lives_on() {
  for (int threads : {1, 4}) {
    Pool pool(threads);
    for (int i = 0; i < 200; ++i) {
      bool caught = false;
      try {
        parallel(pool, 50, [&](int64_t index, int) {
          if (index == i % 50) {
            throw std::runtime_error("task " + std::to_string(index));
          }
        });
      } catch (const std::runtime_error& e) {
        caught = e.what() == "task " + std::to_string(i % 50);
      }
      CHECK(caught, "the exception of task %d was lost", i % 50);
      std::atomic<int> count{0};
      parallel(pool, 50, [&](int64_t, int) { count++; });
      CHECK(count == 50, "%d of 50 tasks after an exception", count.load());
    }
  }
}

void scratch_is_private_aligned_and_grows() {
  Pool pool(4);
  for (int64_t bytes : {1, 100, 5000, 1000000}) {
    auto* shared = static_cast<char*>(pool.shared_scratch(bytes));
    std::memset(shared, 77, static_cast<size_t>(bytes));
    parallel(pool, 64, [&](int64_t index, int thread) {
      auto* mine = static_cast<char*>(pool.scratch(thread, bytes));
      CHECK(reinterpret_cast<uintptr_t>(mine) % 64 == 0, "scratch at %p", static_cast<void*>(mine));
      std::memset(mine, static_cast<char>(index), static_cast<size_t>(bytes));
      std::this_thread::yield();
      CHECK(mine[0] == static_cast<char>(index) && mine[bytes - 1] == static_cast<char>(index),
            "scratch of thread %d was written by another", thread);
    });
    CHECK(shared[0] == 77 && shared[bytes - 1] == 77, "shared scratch was written by a task");
  }
  bool refused = false;
  try {
    pool.scratch(0, int64_t{1} << 60);
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  CHECK(refused, "an exbibyte of scratch was not refused");
  CHECK(pool.scratch(0, 10) != nullptr, "no scratch after a refusal");
}

void pools_come_and_go() {
  for (int i = 0; i < 200; ++i) {
    Pool pool(1 + i % 5);
    if (i % 2 == 0) {
      std::atomic<int> count{0};
      parallel(pool, 10, [&](int64_t, int) { count++; });
      CHECK(count == 10, "%d of 10 tasks", count.load());
    }
    if (i % 20 == 0) {
      usleep(1000);  // asleep when destroyed
    }
  }
}

void a_forked_child_works_alone_and_ends() {
  auto pool = std::make_unique<Pool>(3);
  parallel(*pool, 10, [](int64_t, int) {});
  pid_t child = fork();
  if (child == 0) {
    std::atomic<int> count{0};
    parallel(*pool, 100, [&](int64_t, int) { count++; });
    pool.reset();
    _exit(count == 100 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with status %d", status);
}

}  // namespace

int main() {
  every_task_runs_once_on_a_thread_of_its_own();
  late_workers_do_no_harm();
  callers_on_two_threads_wait_for_one_another();
  pools_nest();
  exceptions_reach_the_caller_and_the_pool_lives_on();
  scratch_is_private_aligned_and_grows();
  pools_come_and_go();
  a_forked_child_works_alone_and_ends();
  return sambay::test::failures() == 0 ? 0 : 1;
}
