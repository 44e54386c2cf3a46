#include "cpu/pages.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstddef>

#include "api/error.h"

namespace sambay {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;

}  // namespace

// Not MAP_NORESERVE: the system refuses at once what exceeds all its memory, instead of killing the process later.
Pages::Pages(int64_t bytes) : bytes_(bytes) {
  const bool large = bytes >= kHugePage;
  mapped_ = static_cast<size_t>(bytes) + static_cast<size_t>(large ? kHugePage : 0);  // to begin with a huge page
  void* mapping = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) {
    throw Failure(SY_ERR_OUT_OF_MEMORY, "%" PRId64 " bytes (%.1f GiB) were refused by the system", bytes,
                  static_cast<double>(bytes) / (int64_t{1} << 30));
  }
  mapping_ = static_cast<char*>(mapping);
  data_ = mapping_;
  if (large) {
    data_ += (kHugePage - static_cast<int64_t>(reinterpret_cast<uintptr_t>(mapping_) % kHugePage)) % kHugePage;
    madvise(data_, static_cast<size_t>(bytes), MADV_HUGEPAGE);  // a wish: it works without
  }
}

Pages::~Pages() { munmap(mapping_, mapped_); }

}  // namespace sambay
