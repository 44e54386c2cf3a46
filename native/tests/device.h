// The device a test runs on, chosen by SAMBAY_TEST_DEVICE: "cpu" (every target of this machine; the default),
// "cuda_host" (the CUDA backend's kernels in the SIMT shim) or "cuda" (a card). The library of the last two is
// SAMBAY_CUDA_LIBRARY.
#ifndef SAMBAY_TESTS_DEVICE_H_
#define SAMBAY_TESTS_DEVICE_H_

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "check.h"
#include "sambay/sambay.h"

namespace sambay::test {

inline std::string device_under_test() {
  const char* name = std::getenv("SAMBAY_TEST_DEVICE");
  return name == nullptr ? "cpu" : name;
}

// False, with the reason printed, for a test of what only the CPU's kernels have.
inline bool only_on_cpu(const char* what, const char* reason) {
  if (device_under_test() == "cpu") return true;
  std::printf("skipped %s on %s: %s\n", what, device_under_test().c_str(), reason);
  return false;
}

inline void expect_ok(sy_status status, const std::string& what) {
  CHECK(status == SY_OK, "%s: status %d, %s", what.c_str(), status, sy_last_error());
}

// The card, opened once a process. Its work is done when a call returns only with CUDA_LAUNCH_BLOCKING=1, which tests
// that look into memory after a call need.
inline sy_device* card() {
  static sy_device* const device = [] {
    const char* library = std::getenv("SAMBAY_CUDA_LIBRARY");
    sy_device* opened = nullptr;
    expect_ok(sy_cuda_load(library == nullptr ? "libsambay_cuda.so" : library), "SAMBAY_CUDA_LIBRARY");
    expect_ok(sy_device_create("cuda", "auto", 0, &opened), "the card");
    if (opened == nullptr) std::exit(1);
    std::printf("%s\n", sy_device_description(opened));
    return opened;
  }();
  return device;
}

// Memory that the test and the device both read and write: ordinary memory, and managed memory for a card.
inline void* shared_allocate(size_t bytes) {
  if (device_under_test() != "cuda") return std::malloc(bytes);
  card();  // whose context the driver then takes it in
  using Allocate = int (*)(void**, size_t, unsigned);
  static const auto allocate = reinterpret_cast<Allocate>(dlsym(dlopen("libcuda.so.1", RTLD_NOW), "cuMemAllocManaged"));
  void* memory = nullptr;
  constexpr unsigned kVisibleToAll = 1;
  CHECK(allocate(&memory, bytes, kVisibleToAll) == 0, "no managed memory: %zu bytes", bytes);
  return memory;
}
inline void shared_free(void* memory) {
  if (device_under_test() != "cuda") return std::free(memory);
  using Free = int (*)(void*);
  static const auto release = reinterpret_cast<Free>(dlsym(dlopen("libcuda.so.1", RTLD_NOW), "cuMemFree_v2"));
  if (memory != nullptr) CHECK(release(memory) == 0, "managed memory that cannot be freed");
}

// run(device, name) for every CPU target that runs here, on one thread and on three; or for the one card.
inline void for_each_target(const std::function<void(sy_device*, const std::string&)>& run) {
  if (device_under_test() != "cpu") {
    run(card(), device_under_test());
    return;
  }
  for (const char* target : {"scalar", "avx2", "avx512", "amx"}) {
    if (sy_cpu_target_supported(target) == 0) {
      std::printf("skipped target %s: it does not run on this machine\n", target);
      continue;
    }
    for (int threads : {1, 3}) {
      sy_device* device = nullptr;
      expect_ok(sy_device_create("cpu", target, threads, &device), target);
      if (device == nullptr) continue;
      run(device, std::string(target) + ", " + std::to_string(threads) + " threads");
      sy_device_destroy(device);
    }
  }
}

}  // namespace sambay::test

#endif  // SAMBAY_TESTS_DEVICE_H_
