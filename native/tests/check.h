// The whole test framework: CHECK prints what failed and where, and the test's main returns failures().
#ifndef SAMBAY_TESTS_CHECK_H_
#define SAMBAY_TESTS_CHECK_H_

#include <cstdarg>
#include <cstdio>

namespace sambay::test {

inline int& failures() {
  static int count = 0;
  return count;
}

// Says why in printf form. Goes on after a failure, and falls silent after the first twenty.
[[gnu::format(printf, 4, 5)]] inline bool check(bool holds, const char* file, int line, const char* format, ...) {
  if (!holds && ++failures() <= 20) {
    std::printf("%s:%d: ", file, line);
    va_list arguments;
    va_start(arguments, format);
    std::vprintf(format, arguments);
    va_end(arguments);
    std::printf("\n");
  }
  return holds;
}

}  // namespace sambay::test

// CHECK(condition, "format", ...): counts a failure and prints the sentence unless the condition holds.
#define CHECK(condition, ...) ::sambay::test::check(static_cast<bool>(condition), __FILE__, __LINE__, __VA_ARGS__)

#endif  // SAMBAY_TESTS_CHECK_H_
