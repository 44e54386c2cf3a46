// The twin of cuda/runtime.cu: device memory is ordinary memory, filled with NaN when it is allocated; a launch runs at
// once; a capture records launches and fills, and a graph repeats them.
#include "cuda/runtime.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/error.h"
#include "cuda/simt.h"

namespace sambay::cuda::runtime {

struct StreamHandle {
  bool capturing = false;
  std::vector<std::function<void()>> recorded;
};
struct EventHandle {
  std::chrono::steady_clock::time_point at;
};
struct GraphHandle {
  std::vector<std::function<void()>> work;
};

namespace {

// What the SIMT shim pretends to be; SAMBAY_SIMT_CAPABILITY names another compute capability, 86 say, whose shared
// memory is then what a block gets.
constexpr int kCapability = 80;

int64_t number_from(const char* variable, int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

// "Device" memory in use and the most there may be of it: SAMBAY_SIMT_MEMORY bytes, for tests of what happens then.
std::atomic<int64_t> memory_used{0};
std::mutex memory_mutex;
std::map<const char*, int64_t> memory_there;  // what allocate() has handed out, and its bytes
int64_t memory_limit() { return number_from("SAMBAY_SIMT_MEMORY", int64_t{1} << 36); }

void* take(int64_t bytes, const char* what) {
  void* memory = bytes > 0 ? std::aligned_alloc(256, static_cast<size_t>((bytes + 255) / 256 * 256)) : nullptr;
  if (memory == nullptr) {
    throw Failure(SY_ERR_OUT_OF_MEMORY, "%lld bytes of %s memory were needed", static_cast<long long>(bytes), what);
  }
  std::memset(memory, 0xff, static_cast<size_t>(bytes));
  return memory;
}

void run_or_record(Stream stream, std::function<void()> work) {
  if (stream->capturing) {
    stream->recorded.push_back(std::move(work));
  } else {
    work();
  }
}

void expect_no_capture(Stream stream, const char* what) {
  if (stream->capturing) throw Failure(SY_ERR_INTERNAL, "%s during a capture", what);
}

}  // namespace

void use_device(int) {}

DeviceProperties open_device(int index) {
  if (index != 0)
    throw Failure(SY_ERR_ARGUMENT, "there is no CUDA device %d: the SIMT shim is device 0 and the only one", index);
  DeviceProperties properties{};
  std::strcpy(properties.name, "SIMT shim");
  properties.index = 0;
  properties.capability = static_cast<int>(number_from("SAMBAY_SIMT_CAPABILITY", kCapability));
  properties.overlaps_launches = true;
  properties.multiprocessors = 4;
  properties.memory_bytes = memory_limit();
  properties.l2_bytes = 1 << 20;
  const int capability = properties.capability;
  properties.shared_bytes_per_block = capability == 80                        ? 163 << 10
                                      : capability == 90 || capability == 100 ? 227 << 10
                                                                              : 99 << 10;
  properties.shared_bytes_per_multiprocessor = properties.shared_bytes_per_block + 1024;
  return properties;
}

void memory(int64_t* free_bytes, int64_t* total_bytes) {
  *total_bytes = memory_limit();
  *free_bytes = *total_bytes - memory_used;
}

void* allocate(int64_t bytes) {
  const int64_t limit = memory_limit();
  if (bytes > limit - memory_used) {
    throw Failure(SY_ERR_OUT_OF_MEMORY, "%lld bytes of device memory were needed, %lld of %lld are free",
                  static_cast<long long>(bytes), static_cast<long long>(limit - memory_used),
                  static_cast<long long>(limit));
  }
  // The size stands in the 256 bytes before what is handed out.
  char* memory = static_cast<char*>(take(bytes + 256, "device"));
  std::memcpy(memory, &bytes, sizeof bytes);
  memory_used += bytes;
  std::lock_guard lock(memory_mutex);
  memory_there[memory + 256] = bytes;
  return memory + 256;
}

void free(void* device) noexcept {
  if (device == nullptr) return;
  char* memory = static_cast<char*>(device) - 256;
  {
    std::lock_guard lock(memory_mutex);
    memory_there.erase(memory + 256);
  }
  int64_t bytes;
  std::memcpy(&bytes, memory, sizeof bytes);
  memory_used -= bytes;
  std::free(memory);
}

void expect_device_memory(const void* data, int64_t bytes, int) {
  std::lock_guard lock(memory_mutex);
  const auto* first = static_cast<const char*>(data);
  auto after = memory_there.upper_bound(first);
  if (after == memory_there.begin() || bytes > std::prev(after)->first + std::prev(after)->second - first) {
    throw Failure(SY_ERR_ARGUMENT, "the %lld bytes are not all memory of a card", static_cast<long long>(bytes));
  }
}

void* allocate_pinned(int64_t bytes) { return take(bytes, "pinned"); }
void free_pinned(void* host) noexcept { std::free(host); }

Stream create_stream() { return new StreamHandle; }
void* native(Stream stream) { return stream; }
void destroy(Stream stream) noexcept { delete stream; }
void synchronize(Stream stream) { expect_no_capture(stream, "the stream was waited for"); }

void order_after_foreign(Stream, void*) {}  // work of any stream has been done when its call returns
void order_before_foreign(Stream, void*) {}

Event create_event() { return new EventHandle; }
void destroy(Event event) noexcept { delete event; }
void record(Event event, Stream stream) {
  expect_no_capture(stream, "an event was recorded");
  event->at = std::chrono::steady_clock::now();
}
void wait(Event) {}
double seconds_between(Event begin, Event end) { return std::chrono::duration<double>(end->at - begin->at).count(); }

void copy_to_device(void* device, const void* host, int64_t bytes, Stream stream) {
  expect_no_capture(stream, "a copy was started");
  std::memcpy(device, host, static_cast<size_t>(bytes));
}
void copy_to_host(void* host, const void* device, int64_t bytes, Stream stream) {
  expect_no_capture(stream, "a copy was started");
  std::memcpy(host, device, static_cast<size_t>(bytes));
}
void fill_zero(void* device, int64_t bytes, Stream stream) {
  run_or_record(stream, [=] { std::memset(device, 0, static_cast<size_t>(bytes)); });
}

void launch(const Launch& call, Stream stream) {
  struct Started {
    const void* kernel;
    std::shared_ptr<char[]> params;
    void (*run_on_host)(const void*, const void*);
  };
  Started started{call.kernel, std::shared_ptr<char[]>(new char[call.params_bytes]), call.run_on_host};
  std::memcpy(started.params.get(), call.params, call.params_bytes);
  const auto extent = [](const Dim3& dim) {
    return dim3{static_cast<uint32_t>(dim.x), static_cast<uint32_t>(dim.y), static_cast<uint32_t>(dim.z)};
  };
  run_or_record(stream, [started, grid = extent(call.grid), block = extent(call.block), shared = call.shared_bytes,
                         overlaps = call.overlaps_previous] {
    simt::run(
        grid, block, shared,
        [](const void* it) {
          const auto* kernel = static_cast<const Started*>(it);
          kernel->run_on_host(kernel->kernel, kernel->params.get());
        },
        &started, overlaps);
  });
}

void begin_capture(Stream stream) { stream->capturing = true; }

Graph end_capture(Stream stream) {
  auto graph = std::make_unique<GraphHandle>();
  graph->work = std::move(stream->recorded);
  stream->recorded.clear();
  stream->capturing = false;
  return graph.release();
}

void launch(Graph graph, Stream) {
  for (const auto& work : graph->work) work();
}

void destroy(Graph graph) noexcept { delete graph; }

}  // namespace sambay::cuda::runtime
