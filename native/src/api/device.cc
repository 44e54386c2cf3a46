#include "api/device.h"

#include <cstring>
#include <memory>
#include <thread>

#include "cpu/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int kMaxThreads = 1024;

int core_count() {
  unsigned cores = std::thread::hardware_concurrency();  // those this process may use
  return cores == 0 ? 1 : static_cast<int>(cores);
}

}  // namespace

sy_device::sy_device(const sambay::Ops& target_ops, int threads)
    : ops(target_ops),
      pool(threads),
      description(std::string("cpu, ") + target_ops.target + ", " + std::to_string(threads) +
                  (threads == 1 ? " thread" : " threads")) {}

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
    if (std::strcmp(kind, "cpu") != 0) {
      throw Failure(SY_ERR_UNSUPPORTED, "kind is \"%.32s\", expected \"cpu\", the only kind in this build", kind);
    }
    check::range("threads", threads, 0, kMaxThreads);
    const char* name = target == nullptr ? "auto" : target;
    const sambay::Ops* ops = sambay::find_ops(name);
    if (ops == nullptr) {
      if (sambay::target_known(name)) {
        throw Failure(SY_ERR_UNSUPPORTED, "target \"%s\" does not run here: the CPU or the operating system lacks it",
                      name);
      }
      throw Failure(SY_ERR_ARGUMENT, "target is \"%.32s\", expected auto, scalar, avx2, avx512 or amx", name);
    }
    *device = new sy_device(*ops, threads == 0 ? core_count() : threads);
  });
}

void sy_device_destroy(sy_device* device) { delete device; }

const char* sy_device_description(const sy_device* device) {
  return device == nullptr ? "" : device->description.c_str();
}

const char* sy_device_target(const sy_device* device) { return device == nullptr ? "" : device->ops.target; }

int32_t sy_device_threads(const sy_device* device) { return device == nullptr ? 0 : device->pool.threads(); }

int32_t sy_cpu_target_supported(const char* target) {
  return target != nullptr && sambay::find_ops(target) != nullptr ? 1 : 0;
}
