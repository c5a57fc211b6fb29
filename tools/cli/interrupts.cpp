#include "tools/cli/interrupts.h"

#include <signal.h>
#include <unistd.h>

#include <initializer_list>

#include "tools/cli/exit_codes.h"

namespace troupe::cli {
namespace {

volatile sig_atomic_t counted = 0;
volatile sig_atomic_t most_counted = 0;

}  // namespace

void count_interrupts(int most) {
  most_counted = most;
  struct sigaction action {};
  action.sa_handler = [](int) {
    counted = counted + 1;
    if (most_counted > 0 && counted >= most_counted) ::_exit(exit_interrupted);
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
