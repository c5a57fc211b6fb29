#include "tools/cli/interrupts.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <initializer_list>

#include "tools/cli/exit_codes.h"

namespace troupe::cli {
namespace {

// Any thread may be the one that a signal is handled in, two signals in two.
std::atomic<int> counted = 0;
std::atomic<int> most_counted = 0;
static_assert(std::atomic<int>::is_always_lock_free);

}  // namespace

void count_interrupts(int most) {
  most_counted = most;
  struct sigaction action {};
  action.sa_handler = [](int) {
    if (++counted >= most_counted && most_counted > 0) ::_exit(exit_interrupted);
  };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
  if (most > 0 && counted >= most) ::_exit(exit_interrupted);
}

int interrupts() { return counted; }

}  // namespace troupe::cli
