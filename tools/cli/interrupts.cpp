#include "tools/cli/interrupts.h"

#include <signal.h>

#include <initializer_list>

namespace troupe::cli {
namespace {

volatile sig_atomic_t counted = 0;

}  // namespace

void count_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { counted = counted + 1; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

int interrupts() { return counted; }

}  // namespace troupe::cli
