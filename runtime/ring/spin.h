// How long it pays to look for more before one sleeps: to be woken costs 15 to 60 us, a message through a ring less
// than one.
#pragma once

#include <sched.h>

#include <chrono>

namespace troupe {

/// Looks with `is_there` until it says so, or for about 20 us; says which. On a busy machine others run meanwhile.
template <class IsThere>
bool spin_until(IsThere is_there) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds longest{20};
  constexpr int looks_before_yielding = 200;
  for (int look = 0; look < looks_before_yielding; ++look) {
    if (is_there()) return true;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  for (const auto end = Clock::now() + longest; Clock::now() < end; ::sched_yield())
    if (is_there()) return true;
  return is_there();
}

}  // namespace troupe
