#ifndef SAMBAY_CPU_PAGES_H_
#define SAMBAY_CPU_PAGES_H_

#include <cstddef>
#include <cstdint>

namespace sambay {

// Zeroed, page-aligned memory straight from the system: a page exists once it has been written, and destruction gives
// everything back. Large areas ask for huge pages, since reading gigabytes of weights through 4 KiB pages spends its
// time on address translation.
class Pages {
 public:
  // Throws Failure with SY_ERR_OUT_OF_MEMORY if the system refuses.
  explicit Pages(int64_t bytes);
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  char* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  char* mapping_;
  size_t mapped_;  // bytes of it
  char* data_;     // where they begin that are used
  int64_t bytes_;
};

}  // namespace sambay

#endif  // SAMBAY_CPU_PAGES_H_
