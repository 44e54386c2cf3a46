#include "api/error.h"

#include <cstdarg>
#include <cstdio>
#include <new>
#include <system_error>

namespace sambay {
namespace {

// An array, not a string: it must hold a sentence even when there is no memory left, and needs no destructor at thread
// end.
thread_local char last_error_text[kErrorTextBytes + 64] = "";

sy_status keep(char* text, sy_status status, const char* sentence) {
  std::snprintf(text, kErrorTextBytes, "%s", sentence);
  return status;
}

}  // namespace

Failure::Failure(sy_status status, const char* format, ...) : status_(status) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text_, sizeof text_, format, arguments);
  va_end(arguments);
}

const char* last_error() { return last_error_text; }

void clear_last_error() { last_error_text[0] = '\0'; }

sy_status status_of_current_exception(const char* operation) noexcept {
  char sentence[kErrorTextBytes];
  const sy_status status = describe_current_exception(sentence);
  std::snprintf(last_error_text, sizeof last_error_text, "%s: %s", operation, sentence);
  return status;
}

sy_status describe_current_exception(char* text) noexcept {
  try {
    throw;
  } catch (const Failure& failure) {
    return keep(text, failure.status(), failure.what());
  } catch (const std::bad_alloc&) {
    return keep(text, SY_ERR_OUT_OF_MEMORY, "no memory left for working space");
  } catch (const std::system_error& error) {
    return keep(text, SY_ERR_OUT_OF_MEMORY, error.what());  // a thread that could not be started
  } catch (const std::exception& error) {
    return keep(text, SY_ERR_INTERNAL, error.what());
  } catch (...) {
    return keep(text, SY_ERR_INTERNAL, "an unknown exception, which is a defect of this library");
  }
}

}  // namespace sambay
