#include "api/device.h"

namespace {

constexpr double kMostSeconds = 600;

}  // namespace

sy_status sy_measure_limits(sy_device* device, double seconds, sy_limits* limits) {
  return sambay::entry_on("measure_limits", device, limits, [&] {
    if (!(seconds > 0 && seconds <= kMostSeconds)) {
      throw sambay::Failure(SY_ERR_ARGUMENT, "seconds is %g, expected more than 0 and at most %g", seconds,
                            kMostSeconds);
    }
    device->call(device->table.measure_limits, seconds, limits);
  });
}
