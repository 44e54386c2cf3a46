#ifndef SAMBAY_API_DEVICE_H_
#define SAMBAY_API_DEVICE_H_

#include <cstdint>
#include <mutex>
#include <utility>

#include "api/check.h"
#include "api/error.h"
#include "api/processor.h"
#include "sambay/sambay.h"

struct sy_device {
  sy_device(const sambay::ProcessorTable& operations, void* processor) : table(operations), self(processor) {}
  ~sy_device() { table.destroy(self); }
  sy_device(const sy_device&) = delete;
  sy_device& operator=(const sy_device&) = delete;

  // call(table.linear, args): what the processor reports as a status becomes an exception again.
  template <class... Params, class... Args>
  void call(sambay::Operation<Params...> operation, Args&&... args) {
    sambay::ErrorText error;
    sy_status status = operation(self, error, std::forward<Args>(args)...);
    if (status != SY_OK) {
      throw sambay::Failure(status, "%s", error.text);
    }
  }

  const sambay::ProcessorTable& table;
  void* const self;
  std::mutex mutex;  // one call at a time
};

namespace sambay {

// The floating-point mode every kernel expects (round to nearest, denormals kept), whatever the calling thread has set:
// a library built with -ffast-math somewhere in the process is enough to change it.
class FloatingPointMode {
 public:
  FloatingPointMode();
  ~FloatingPointMode();
  FloatingPointMode(const FloatingPointMode&) = delete;
  FloatingPointMode& operator=(const FloatingPointMode&) = delete;

 private:
  unsigned before_;
};

// Every entry point that returns a status is one of these two: whatever body() throws becomes a status and a sentence.
template <class Body>
sy_status entry(const char* operation, Body body) noexcept {
  try {
    clear_last_error();
    body();
    return SY_OK;
  } catch (...) {
    return status_of_current_exception(operation);
  }
}

// The same for a call that uses the device: `required` (the argument struct) and `device` are not null, and no other
// call on the device runs meanwhile.
template <class Body>
sy_status entry_on(const char* operation, sy_device* device, const void* required, Body body) noexcept {
  return entry(operation, [&] {
    check::not_null("device", device);
    check::not_null("args", required);
    std::lock_guard lock(device->mutex);
    FloatingPointMode mode;
    body();
  });
}

}  // namespace sambay

#endif  // SAMBAY_API_DEVICE_H_
