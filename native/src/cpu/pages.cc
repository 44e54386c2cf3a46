#include "cpu/pages.h"

#include <sys/mman.h>

#include <cinttypes>

#include "api/error.h"

namespace sambay {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kLarge = 4 * kHugePage;

}  // namespace

// Not MAP_NORESERVE: the system refuses at once what exceeds all its memory, instead of killing the process later.
Pages::Pages(int64_t bytes) : bytes_(bytes) {
  void* data = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    throw Failure(SY_ERR_OUT_OF_MEMORY, "%" PRId64 " bytes (%.1f GiB) were refused by the system", bytes,
                  static_cast<double>(bytes) / (int64_t{1} << 30));
  }
  data_ = static_cast<char*>(data);
  if (bytes >= kLarge) {
    madvise(data, static_cast<size_t>(bytes), MADV_HUGEPAGE);  // a wish: it works without
  }
}

Pages::~Pages() { munmap(data_, static_cast<size_t>(bytes_)); }

}  // namespace sambay
