#include "runtime/worker/termination.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "runtime/base/check.h"

namespace troupe {
namespace {

int event = -1;
std::atomic<bool> has_come = false;

void note(int /*signal*/) {
  const int kept = errno;
  has_come = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event, &one, sizeof one);
  errno = kept;
}

void set_handler(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Termination::Termination() {
  TROUPE_CHECK(event < 0, "one in a process");
  event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event >= 0) set_handler(note);
}

Termination::~Termination() {
  if (event < 0) return;
  set_handler(SIG_DFL);
  ::close(event);
  event = -1;
}

int Termination::descriptor() const { return event; }

bool Termination::take() {
  if (!has_come || !has_come.exchange(false)) return false;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto taken = ::read(event, &count, sizeof count);
  return true;
}

void Termination::end_process() {
  set_handler(SIG_DFL);
  ::kill(::getpid(), SIGTERM);
}

}  // namespace troupe
