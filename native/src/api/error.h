#ifndef SAMBAY_API_ERROR_H_
#define SAMBAY_API_ERROR_H_

#include <exception>

#include "sambay/sambay.h"

namespace sambay {

inline constexpr int kErrorTextBytes = 1024;

// A status and its sentence on their way to the entry point that was called.
class Failure : public std::exception {
 public:
  [[gnu::format(printf, 3, 4)]] Failure(sy_status status, const char* format, ...);
  sy_status status() const { return status_; }
  const char* what() const noexcept override { return text_; }

 private:
  sy_status status_;
  char text_[kErrorTextBytes];
};

// The text behind sy_last_error(), one per thread.
const char* last_error();
void clear_last_error();

// To be called while an exception is being handled: keeps its sentence, with the operation's name in front, for
// sy_last_error() and gives its status.
sy_status status_of_current_exception(const char* operation) noexcept;
// The same without the operation's name, into `text` (kErrorTextBytes).
sy_status describe_current_exception(char* text) noexcept;

}  // namespace sambay

#endif  // SAMBAY_API_ERROR_H_
