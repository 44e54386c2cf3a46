#include "api/device.h"

#include <cstring>
#include <memory>

#include "api/cuda_library.h"
#include "cpu/isa.h"
#include "cpu/processor.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int kMaxThreads = 1024;

}  // namespace

namespace sambay {

#if defined(__x86_64__)
FloatingPointMode::FloatingPointMode() : before_(_mm_getcsr()) { _mm_setcsr(0x1f80); }
FloatingPointMode::~FloatingPointMode() { _mm_setcsr(before_); }
#else
FloatingPointMode::FloatingPointMode() : before_(0) {}
FloatingPointMode::~FloatingPointMode() {}
#endif

}  // namespace sambay

using sambay::Failure;
namespace check = sambay::check;

int32_t sy_abi_version(void) { return SY_ABI_VERSION; }

const char* sy_last_error(void) { return sambay::last_error(); }

sy_status sy_device_create(const char* kind, const char* target, int32_t threads, sy_device** device) {
  return sambay::entry("device_create", [&] {
    check::not_null("kind", kind);
    check::not_null("device", device);
    check::range("threads", threads, 0, kMaxThreads);
    const char* name = target == nullptr ? "auto" : target;
    if (std::strcmp(kind, "cpu") == 0) {
      auto processor = std::make_unique<sambay::CpuProcessor>(name, threads);
      *device = new sy_device(sambay::cpu_processor_table(), processor.get());
      processor.release();
    } else if (std::strcmp(kind, "cuda") == 0) {
      *device = sambay::make_cuda_device(name);
    } else {
      throw Failure(SY_ERR_ARGUMENT, "kind is \"%.32s\", expected \"cpu\" or \"cuda\"", kind);
    }
  });
}

void sy_device_destroy(sy_device* device) { delete device; }

const char* sy_device_description(const sy_device* device) {
  return device == nullptr ? "" : device->table.description(device->self);
}

const char* sy_device_target(const sy_device* device) {
  return device == nullptr ? "" : device->table.target(device->self);
}

int32_t sy_device_threads(const sy_device* device) {
  return device == nullptr ? 0 : device->table.threads(device->self);
}

int32_t sy_cpu_target_supported(const char* target) {
  return target != nullptr && sambay::find_ops(target) != nullptr ? 1 : 0;
}

sy_status sy_cuda_load(const char* path) {
  return sambay::entry("cuda_load", [&] {
    check::not_null("path", path);
    sambay::load_cuda_library(path);
  });
}

sy_status sy_device_memory(sy_device* device, int64_t* free_bytes, int64_t* total_bytes) {
  return sambay::entry_on("device_memory", device, free_bytes, [&] {
    check::not_null("total_bytes", total_bytes);
    device->call(device->table.memory, free_bytes, total_bytes);
  });
}

sy_status sy_synchronize(sy_device* device) {
  return sambay::entry_on("synchronize", device, device, [&] { device->call(device->table.synchronize); });
}

sy_status sy_timer_start(sy_device* device) {
  return sambay::entry_on("timer_start", device, device, [&] { device->call(device->table.timer_start); });
}

sy_status sy_timer_stop(sy_device* device, double* seconds) {
  return sambay::entry_on("timer_stop", device, seconds, [&] { device->call(device->table.timer_stop, seconds); });
}

void* sy_device_stream(sy_device* device) { return device == nullptr ? nullptr : device->table.stream(device->self); }

sy_status sy_device_after_stream(sy_device* device, void* stream) {
  return sambay::entry_on("device_after_stream", device, device,
                          [&] { device->call(device->table.after_stream, stream); });
}

sy_status sy_stream_after_device(sy_device* device, void* stream) {
  return sambay::entry_on("stream_after_device", device, device,
                          [&] { device->call(device->table.before_stream, stream); });
}
