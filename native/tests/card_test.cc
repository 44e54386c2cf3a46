// A card behind the C ABI, as far as it is no kernel's business: opening it, memory, the timer, limits, and failures
// after which it still works. Runs on cuda_host and on cuda.
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "check.h"
#include "device.h"

using namespace sambay::test;

namespace {

void expect_refused(sy_status got, sy_status expected, const char* part) {
  CHECK(got == expected && std::strstr(sy_last_error(), part) != nullptr,
        "status %d and \"%s\", expected %d and \"%s\"", got, sy_last_error(), expected, part);
}

void libraries_that_are_none_are_refused() {
  sy_device* device = nullptr;
  expect_refused(sy_device_create("cuda", "auto", 0, &device), SY_ERR_UNSUPPORTED, "sy_cuda_load does that");
  expect_refused(sy_cuda_load("/nowhere/libsambay_cuda.so"), SY_ERR_UNSUPPORTED, "could not be opened");
  expect_refused(sy_cuda_load("libm.so.6"), SY_ERR_UNSUPPORTED, "is not the CUDA library");
}

void the_card_is_described() {
  CHECK(std::strncmp(sy_device_description(card()), "cuda, card 0: ", 14) == 0, "%s", sy_device_description(card()));
  CHECK(std::strncmp(sy_device_target(card()), "sm_", 3) == 0, "%s", sy_device_target(card()));
  CHECK(sy_device_threads(card()) > 0, "%d multiprocessors", sy_device_threads(card()));
  expect_ok(sy_cuda_load(std::getenv("SAMBAY_CUDA_LIBRARY")), "the same library again");
  expect_refused(sy_cuda_load("libm.so.6"), SY_ERR_ARGUMENT, "one library a process");
}

void targets_are_numbers_of_cards() {
  sy_device* device = nullptr;
  expect_refused(sy_device_create("cuda", "1000", 0, &device), SY_ERR_ARGUMENT, "there is no CUDA device 1000");
  for (const char* target : {"", "-1", "0x", "first", "99999999999999999999"}) {
    expect_refused(sy_device_create("cuda", target, 0, &device), SY_ERR_ARGUMENT,
                   "expected auto or the number of a card");
  }
  expect_ok(sy_device_create("cuda", "0", 0, &device), "a second device on one card");
  sy_device_destroy(device);
}

void buffers_are_zero_and_keep_what_they_are_given() {
  constexpr int64_t kBytes = 9 << 20;  // more than a block of the staging
  sy_buffer* buffer = nullptr;
  expect_ok(sy_buffer_create(card(), kBytes, &buffer), "create");
  CHECK(reinterpret_cast<uintptr_t>(sy_buffer_data(buffer)) % 256 == 0, "a buffer is not aligned");
  std::vector<unsigned char> sent(kBytes), back(kBytes, 1);
  expect_ok(sy_download(card(), buffer, 0, back.data(), kBytes), "download");
  CHECK(back == sent, "a new buffer is not zero");
  std::iota(sent.begin(), sent.end(), static_cast<unsigned char>(0));
  expect_ok(sy_upload(card(), buffer, 0, sent.data(), kBytes), "upload");
  expect_ok(sy_upload(card(), buffer, 1001, sent.data(), 3), "upload of a part");
  expect_ok(sy_download(card(), buffer, 0, back.data(), kBytes), "download");
  std::copy(sent.begin(), sent.begin() + 3, sent.begin() + 1001);
  CHECK(back == sent, "what came back is not what was sent");
  expect_ok(sy_synchronize(card()), "synchronize");
  sy_buffer_destroy(buffer);
}

void a_full_card_says_so_and_lives() {
  int64_t free = 0, total = 0;
  expect_ok(sy_device_memory(card(), &free, &total), "memory");
  CHECK(0 < free && free <= total, "%lld of %lld bytes free", static_cast<long long>(free),
        static_cast<long long>(total));
  sy_buffer* buffer = nullptr;
  expect_refused(sy_buffer_create(card(), total + (int64_t{1} << 40), &buffer), SY_ERR_OUT_OF_MEMORY, "are free");
  CHECK(buffer == nullptr, "a buffer came with the failure");
  buffers_are_zero_and_keep_what_they_are_given();
}

void memory_of_others_is_borrowed_and_not_freed() {
  constexpr int64_t kBytes = 1 << 12;
  sy_buffer *theirs = nullptr, *borrowed = nullptr;
  expect_ok(sy_buffer_create(card(), kBytes, &theirs), "create");
  char* const data = static_cast<char*>(sy_buffer_data(theirs));
  expect_ok(sy_buffer_borrow(card(), data + 64, kBytes - 64, &borrowed), "borrow");
  CHECK(sy_buffer_data(borrowed) == data + 64, "another address");
  const char sent[] = "written through one, read through the other";
  char back[sizeof sent] = {};
  expect_ok(sy_upload(card(), borrowed, 0, sent, sizeof sent), "upload");
  expect_refused(sy_upload(card(), borrowed, kBytes - 64, sent, 1), SY_ERR_ARGUMENT, "within the buffer");
  sy_buffer_destroy(borrowed);
  expect_ok(sy_download(card(), theirs, 64, back, sizeof back), "download");
  CHECK(std::memcmp(sent, back, sizeof back) == 0, "\"%s\"", back);

  expect_refused(sy_buffer_borrow(card(), data, INT64_MAX, &borrowed), SY_ERR_ARGUMENT, "not all memory of a card");
  std::vector<char> host(kBytes);
  expect_refused(sy_buffer_borrow(card(), host.data(), kBytes, &borrowed), SY_ERR_ARGUMENT, "not all memory of a card");
  expect_ok(sy_graph_begin(card()), "begin");
  expect_refused(sy_buffer_borrow(card(), data, kBytes, &borrowed), SY_ERR_ARGUMENT, "a graph is being recorded");
  expect_refused(sy_device_after_stream(card(), nullptr), SY_ERR_ARGUMENT, "a graph is being recorded");
  sy_graph* graph = nullptr;
  expect_ok(sy_graph_end(card(), &graph), "end");
  sy_graph_destroy(graph);
  sy_buffer_destroy(theirs);
}

// Another device of the same card stands for another program: its stream is foreign to the first.
void streams_wait_for_one_another() {
  sy_device* other = nullptr;
  expect_ok(sy_device_create("cuda", "0", 0, &other), "another device");
  CHECK(sy_device_stream(card()) != nullptr && sy_device_stream(card()) != sy_device_stream(other), "no two streams");
  sy_buffer *theirs = nullptr, *ours = nullptr;
  constexpr int64_t kFloats = 1 << 20;
  expect_ok(sy_buffer_create(other, kFloats * 4, &theirs), "create");
  expect_ok(sy_buffer_borrow(card(), sy_buffer_data(theirs), kFloats * 4, &ours), "borrow");
  std::vector<float> numbers(kFloats), back(kFloats);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  expect_ok(sy_upload(other, theirs, 0, numbers.data(), kFloats * 4), "upload");
  expect_ok(sy_device_after_stream(card(), sy_device_stream(other)), "ours after theirs");
  const sy_tensor half = {sy_buffer_data(ours), SY_F32, 1, kFloats / 2, kFloats / 2};
  expect_ok(sy_zero(card(), &half), "zero");
  expect_ok(sy_stream_after_device(card(), sy_device_stream(other)), "theirs after ours");
  expect_ok(sy_download(other, theirs, 0, back.data(), kFloats * 4), "download");
  for (int64_t i = 0; i < kFloats; ++i) {
    const float want = i < kFloats / 2 ? 0.0f : static_cast<float>(i);
    if (back[static_cast<size_t>(i)] != want) {
      CHECK(false, "number %lld is %g, expected %g", static_cast<long long>(i),
            static_cast<double>(back[static_cast<size_t>(i)]), static_cast<double>(want));
      break;
    }
  }
  expect_ok(sy_device_after_stream(card(), nullptr), "ours after the default stream");
  expect_ok(sy_stream_after_device(card(), nullptr), "the default stream after ours");
  sy_buffer_destroy(ours);
  sy_buffer_destroy(theirs);
  sy_device_destroy(other);
}

void the_timer_runs() {
  double seconds = -1;
  expect_refused(sy_timer_stop(card(), &seconds), SY_ERR_ARGUMENT, "has not been started");
  expect_ok(sy_timer_start(card()), "start");
  expect_ok(sy_timer_stop(card(), &seconds), "stop");
  CHECK(seconds >= 0, "%g seconds", seconds);
}

void limits_are_measured() {
  sy_limits limits = {-1, -1, -1, -1, -1, -1};
  expect_ok(sy_measure_limits(card(), 0.01, &limits), "measure_limits");
  for (double rate : {limits.read_bytes, limits.f32_flops, limits.bf16_flops, limits.exps, limits.copy_bytes}) {
    CHECK(std::isfinite(rate) && rate > 0, "a rate of %g", rate);
  }
  CHECK(limits.int8_ops == 0, "int8 products, which no kernel of a card has: %g", limits.int8_ops);
}

void graphs_that_are_none_are_refused() {
  sy_graph* graph = nullptr;
  expect_refused(sy_graph_end(card(), &graph), SY_ERR_ARGUMENT, "no graph is being recorded");
  expect_ok(sy_graph_begin(card()), "begin");
  expect_refused(sy_graph_begin(card()), SY_ERR_ARGUMENT, "a graph is being recorded");
  expect_refused(sy_synchronize(card()), SY_ERR_ARGUMENT, "a graph is being recorded");
  sy_buffer* buffer = nullptr;
  expect_refused(sy_buffer_create(card(), 100, &buffer), SY_ERR_ARGUMENT, "a graph is being recorded");
  expect_ok(sy_graph_end(card(), &graph), "an empty graph");
  expect_ok(sy_graph_launch(card(), graph), "launch of an empty graph");
  sy_graph_destroy(graph);
  buffers_are_zero_and_keep_what_they_are_given();
}

void buffers_given_back_while_recording_are_kept_until_its_end() {
  sy_buffer* buffer = nullptr;
  expect_ok(sy_buffer_create(card(), 1 << 20, &buffer), "create");
  int64_t before = 0, after = 0, total = 0;
  expect_ok(sy_device_memory(card(), &before, &total), "memory");
  expect_ok(sy_graph_begin(card()), "begin");
  sy_buffer_destroy(buffer);
  sy_graph* graph = nullptr;
  expect_ok(sy_graph_end(card(), &graph), "end");
  sy_graph_destroy(graph);
  expect_ok(sy_device_memory(card(), &after, &total), "memory");
  CHECK(after >= before, "free: %lld before, %lld after", static_cast<long long>(before),
        static_cast<long long>(after));
}

}  // namespace

int main() {
  if (device_under_test() == "cpu") {
    std::printf("skipped: SAMBAY_TEST_DEVICE names no card\n");
    return 77;
  }
  libraries_that_are_none_are_refused();
  the_card_is_described();
  targets_are_numbers_of_cards();
  buffers_are_zero_and_keep_what_they_are_given();
  a_full_card_says_so_and_lives();
  memory_of_others_is_borrowed_and_not_freed();
  streams_wait_for_one_another();
  the_timer_runs();
  limits_are_measured();
  graphs_that_are_none_are_refused();
  buffers_given_back_while_recording_are_kept_until_its_end();
  if (failures() != 0) std::printf("%d checks failed\n", failures());
  return failures() == 0 ? 0 : 1;
}
