// Running a test in every order of threads that the SIMT shim knows, and expecting it to stop a faulty kernel.
#ifndef SAMBAY_TESTS_SIMT_ORDERS_H_
#define SAMBAY_TESTS_SIMT_ORDERS_H_

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>

#include "check.h"
#include "cuda/simt.h"

namespace sambay::test {

// run(name) with ascending, descending and two shuffled orders of threads and blocks.
inline void for_each_order(const std::function<void(const std::string&)>& run) {
  using cuda::simt::Order;
  const std::pair<Order, const char*> orders[] = {{{Order::kAscending, 0}, "ascending"},
                                                  {{Order::kDescending, 0}, "descending"},
                                                  {{Order::kShuffled, 1}, "shuffled 1"},
                                                  {{Order::kShuffled, 2}, "shuffled 2"}};
  for (const auto& [order, name] : orders) {
    cuda::simt::set_order(order);
    run(name);
  }
  cuda::simt::set_order({});
}

// What a child process says on stderr while it does `body`, and whether it ended by abort().
inline std::string last_words(const std::function<void()>& body, bool* aborted) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::string words;
  char bytes[512];
  for (ssize_t n; (n = read(ends[0], bytes, sizeof bytes)) > 0;) words.append(bytes, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  *aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  return words;
}

// The shim stops what `body` does with a sentence that holds `part`.
inline void expect_abort(const std::string& what, const std::string& part, const std::function<void()>& body) {
  bool aborted = false;
  const std::string words = last_words(body, &aborted);
  CHECK(aborted && words.find(part) != std::string::npos, "%s: %s and said \"%s\", expected an abort that says \"%s\"",
        what.c_str(), aborted ? "it was stopped" : "it was not stopped", words.c_str(), part.c_str());
}

}  // namespace sambay::test

#endif  // SAMBAY_TESTS_SIMT_ORDERS_H_
