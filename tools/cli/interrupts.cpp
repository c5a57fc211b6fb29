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
    if (counted == most_counted) ::_exit(exit_interrupted);
  };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

int interrupts() { return counted; }

}  // namespace troupe::cli
