// Ends the wait of the thread that owns a transport.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "runtime/base/check.h"
#include "runtime/ring/descriptor.h"

namespace troupe {

/// Threads: any may wake.
class Waker {
 public:
  Waker() { TROUPE_CHECK(event_, "an eventfd can be made"); }

  void wake() {
    if (is_woken_.exchange(true)) return;
    const std::uint64_t one = 1;
    const auto written = ::write(event_.number(), &one, sizeof one);
    TROUPE_CHECK(written == sizeof one, "an eventfd takes a wake");
  }

  bool is_woken() const { return is_woken_.load(std::memory_order_relaxed); }

  /// Readable when it was woken, until take().
  int descriptor() const { return event_.number(); }

  /// Requires: the descriptor is readable. In this order: a wake that comes between the two is served by the caller,
  /// who looks after this.
  void take() {
    std::uint64_t wakes = 0;
    const auto taken = ::read(event_.number(), &wakes, sizeof wakes);
    TROUPE_CHECK(taken == sizeof wakes, "what made an eventfd readable can be read");
    is_woken_.exchange(false);
  }

 private:
  const Descriptor event_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::atomic<bool> is_woken_ = false;  // The descriptor is readable, or will be at once.
};

}  // namespace troupe
