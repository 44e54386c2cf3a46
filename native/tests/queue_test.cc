// The queue of the CUDA backend on the host twin of its runtime: what operations are given, graphs that read host
// arrays again, and failures after which the device still works.
#include "cuda/queue.h"

#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "api/error.h"
#include "check.h"
#include "cuda/simt.h"
#include "simt/orders.h"

using namespace sambay::cuda;
using sambay::Failure;
using sambay::test::failures;

namespace {

struct AddParams {
  const int32_t* a;
  const int32_t* b;
  int32_t* y;
  int32_t n;
};
// y = a + b
__global__ void add(const __grid_constant__ AddParams p) {
  grid_dependency_wait();
  const int i = static_cast<int>(blockIdx.x) * 64 + thread_index();
  if (i < p.n) p.y[i] = p.a[i] + p.b[i];
}

void add_on(Queue& queue, const int32_t* a, const int32_t* b, int32_t* y, int32_t n) {
  queue.launch(add, (n + 63) / 64, 64, 0, AddParams{a, b, y, n});
}

// The failure that body() ends with; fails the test if it ends well.
std::string failure_of(sy_status status, const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    CHECK(failure.status() == status, "status %d, expected %d: %s", failure.status(), status, failure.what());
    return failure.what();
  }
  CHECK(false, "no failure, expected status %d", status);
  return "";
}
void expect_sentence(const std::string& sentence, const char* part) {
  CHECK(sentence.find(part) != std::string::npos, "\"%s\" does not say \"%s\"", sentence.c_str(), part);
}

void operations_have_inputs_scratch_and_outputs() {
  Queue queue(0);
  std::vector<int32_t> a(100), b(100, 5), y(100);
  std::iota(a.begin(), a.end(), 0);
  for (int round = 0; round < 3; ++round) {
    queue.begin_operation();
    auto* sums = queue.scratch_of<int32_t>(100);
    CHECK(reinterpret_cast<uintptr_t>(sums) % 256 == 0, "scratch is not aligned");
    const int32_t* on_device = queue.input(b.data(), 100);
    add_on(queue, queue.input(a.data(), 100), on_device, sums, 100);
    add_on(queue, sums, on_device, queue.output(y.data(), 100), 100);
    queue.finish_operation();
    for (int i = 0; i < 100; ++i)
      CHECK(y[static_cast<size_t>(i)] == i + 10, "y[%d] = %d", i, y[static_cast<size_t>(i)]);
  }
}

void arrays_that_changed_are_sent_again() {
  Queue queue(0);
  std::vector<std::vector<int32_t>> arrays;
  for (int i = 0; i < 300; ++i) arrays.push_back(std::vector<int32_t>(static_cast<size_t>(1 + i % 7), i));
  for (int32_t round = 0; round < 3; ++round) {
    for (auto& array : arrays) {
      queue.begin_operation();
      const auto n = static_cast<int64_t>(array.size());
      const int32_t* first = queue.input(array.data(), n);
      CHECK(first[n - 1] == array.back(), "%d was sent, %d is there", array.back(), first[n - 1]);
      CHECK(queue.input(array.data(), n) == first, "an array was sent twice");
      array.back() += round;
      CHECK(queue.input(array.data(), n)[n - 1] == array.back(), "a changed array was not sent again");
      queue.finish_operation();
    }
  }
}

void scratch_grows_and_what_was_handed_out_stays() {
  Queue queue(0);
  queue.begin_operation();
  char* small = static_cast<char*>(queue.scratch(1000));
  std::memset(small, 1, 1000);
  char* large = static_cast<char*>(queue.scratch(50 << 20));
  std::memset(large, 2, 50 << 20);
  CHECK(small[999] == 1, "the first piece was lost when the second was taken");
  queue.finish_operation();
  queue.begin_operation();
  char* first = static_cast<char*>(queue.scratch(1000));
  char* second = static_cast<char*>(queue.scratch(50 << 20));
  CHECK(second == first + 1024, "the pieces did not become one");
}

void counters_are_zero() {
  Queue queue(0);
  for (int64_t n : {1, 1000, 100000}) {
    queue.begin_operation();
    uint32_t* first = queue.counters(n);
    uint32_t* second = queue.counters(n);
    CHECK(first + n <= second || second + n <= first, "counters overlap");
    for (int64_t i = 0; i < n; ++i) CHECK(first[i] == 0 && second[i] == 0, "counter %d of %d", int(i), int(n));
  }
}

void large_arrays_go_up_and_down_in_pieces() {
  Queue queue(0);
  std::vector<int32_t> sent((20 << 20) + 3), back(sent.size());
  std::iota(sent.begin(), sent.end(), 7);
  const int64_t bytes = static_cast<int64_t>(sent.size() * sizeof(int32_t));
  DeviceMemory memory(bytes);
  queue.upload(memory.data(), sent.data(), bytes);
  queue.download(back.data(), memory.data(), bytes);
  CHECK(sent == back, "what came back is not what was sent");
  queue.zero(memory.data(), bytes);
  queue.download(back.data(), memory.data(), bytes);
  CHECK(back == std::vector<int32_t>(sent.size()), "not zero");
}

struct Step {
  std::vector<int32_t> a, b, y;
  Step() : a(70), b(70, 1), y(70) {}
  void run(Queue& queue, int64_t scratch_bytes = 1000) {
    queue.begin_operation();
    add_on(queue, queue.input(a.data(), 70), queue.input(b.data(), 70), queue.output(y.data(), 70), 70);
    queue.scratch(scratch_bytes);
    queue.finish_operation();
    // A second operation that reads `a` once more.
    queue.begin_operation();
    auto* sums = queue.scratch_of<int32_t>(70);
    add_on(queue, queue.input(a.data(), 70), queue.input(a.data(), 70), sums, 70);
    queue.finish_operation();
  }
};

void graphs_read_host_arrays_again() {
  Queue queue(0);
  Step step;
  step.run(queue);
  queue.begin_capture();
  CHECK(queue.capturing(), "not capturing");
  std::fill(step.y.begin(), step.y.end(), -1);
  step.run(queue);
  CHECK(step.y[0] == -1, "a capture ran");
  auto graph = queue.end_capture();
  CHECK(!queue.capturing(), "still capturing");
  queue.begin_operation();
  queue.scratch(64 << 20);  // the graph keeps its own piece
  queue.finish_operation();
  queue.begin_operation();
  for (int32_t round = 0; round < 5; ++round) {
    std::fill(step.a.begin(), step.a.end(), 10 * round);
    step.b[69] = round;
    queue.launch(*graph);
    CHECK(step.y[0] == 10 * round + 1 && step.y[69] == 11 * round, "round %d: %d and %d", round, step.y[0], step.y[69]);
  }
}

void a_capture_may_not_allocate_or_wait() {
  Queue queue(0);
  Step step;
  queue.begin_capture();
  expect_sentence(failure_of(SY_ERR_ARGUMENT, [&] { step.run(queue, 1000); }), "run the same operations once");
  queue.abandon_capture();
  step.run(queue, 1000);
  CHECK(step.y[0] == 1, "the queue is of no use after an abandoned capture");
  queue.begin_capture();
  expect_sentence(failure_of(SY_ERR_ARGUMENT, [&] { queue.synchronize(); }), "during a capture");
  expect_sentence(failure_of(SY_ERR_ARGUMENT, [&] { queue.begin_capture(); }), "during a capture");
  char byte = 0;
  expect_sentence(failure_of(SY_ERR_ARGUMENT, [&] { queue.download(&byte, &byte, 1); }), "during a capture");
  expect_sentence(failure_of(SY_ERR_ARGUMENT, [&] { step.run(queue, 100 << 20); }), "more than any operation before");
  queue.abandon_capture();
  expect_sentence(failure_of(SY_ERR_ARGUMENT, [&] { queue.end_capture(); }), "no capture has begun");
}

struct IdleParams {
  static constexpr bool kWaitsForPrevious = true;
  bool waits;
};
__global__ void idle(const __grid_constant__ IdleParams p) {
  if (p.waits) grid_dependency_wait();
}

void grids_that_no_card_takes_are_refused() {
  Queue queue(0);
  queue.begin_operation();
  auto* y = queue.scratch_of<int32_t>(1);
  const AddParams nothing{y, y, y, 0};
  const std::string sentence = failure_of(SY_ERR_UNSUPPORTED, [&] { queue.launch(add, {1, 65536}, 64, 0, nothing); });
  expect_sentence(sentence, "a grid of 1 x 65536 x 1 blocks, a card takes at most 2147483647 x 65535 x 65535");
  failure_of(SY_ERR_UNSUPPORTED, [&] { queue.launch(add, {1, 1, 65536}, 64, 0, nothing); });
  failure_of(SY_ERR_UNSUPPORTED, [&] { queue.launch(add, int64_t{1} << 31, 64, 0, nothing); });
  queue.launch(add, {1, 65535}, 64, 0, nothing);
  queue.finish_operation();
}

void a_kernel_that_overlaps_must_wait() {
  setenv("SAMBAY_CUDA_OVERLAP", "1", 1);
  Queue queue(0);
  queue.launch(idle, 2, 64, 0, IdleParams{true});
  sambay::test::expect_abort("a kernel that does not wait", "without grid_dependency_wait()",
                             [&] { queue.launch(idle, 2, 64, 0, IdleParams{false}); });
  unsetenv("SAMBAY_CUDA_OVERLAP");
  Queue other(0);
  other.launch(idle, 2, 64, 0, IdleParams{false});
}

void a_full_device_says_so_and_lives() {
  setenv("SAMBAY_SIMT_MEMORY", "20000000", 1);
  {
    Queue queue(0);
    Step step;
    const std::string sentence = failure_of(SY_ERR_OUT_OF_MEMORY, [&] { step.run(queue, 30 << 20); });
    expect_sentence(sentence, "31457280 bytes of device memory were needed");
    expect_sentence(sentence, "of 20000000 are free");
    step.run(queue);
    CHECK(step.y[0] == 1, "the device is of no use after it was full");
    // Two pieces that fit, where their sum, as one piece, does not beside what else is taken by then.
    queue.begin_operation();
    queue.scratch(5 << 20);
    queue.scratch(5 << 20);
    queue.finish_operation();
    const DeviceMemory other(1 << 20);
    step.run(queue);
    CHECK(step.y[0] == 1, "working memory that cannot become one piece");
  }
  unsetenv("SAMBAY_SIMT_MEMORY");
}

void there_is_one_device() {
  expect_sentence(failure_of(SY_ERR_ARGUMENT, [] { Queue queue(7); }), "no CUDA device 7");
}

}  // namespace

int main() {
  operations_have_inputs_scratch_and_outputs();
  arrays_that_changed_are_sent_again();
  scratch_grows_and_what_was_handed_out_stays();
  counters_are_zero();
  large_arrays_go_up_and_down_in_pieces();
  graphs_read_host_arrays_again();
  a_capture_may_not_allocate_or_wait();
  grids_that_no_card_takes_are_refused();
  a_kernel_that_overlaps_must_wait();
  a_full_device_says_so_and_lives();
  there_is_one_device();
  if (failures() != 0) std::printf("%d checks failed\n", failures());
  return failures() == 0 ? 0 : 1;
}
