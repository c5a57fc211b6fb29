#include "nn/parallel/shared_flag.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

namespace troupe::nn {

namespace {

// Not the private operations: the word is shared between processes.
long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* timeout) {
  return ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), operation, value, timeout, nullptr, 0);
}

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

// Raise stores, then looks for sleepers; a sleeper counts itself, then looks at the value. Both in one total order, so
// one of the two sees the other.
void SharedFlag::raise(std::uint32_t to) {
  value.store(to, std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) != 0) wake();
}

void SharedFlag::wake() { futex(value, FUTEX_WAKE, INT_MAX, nullptr); }

void FlagSleeper::sleep(std::uint32_t seen, std::chrono::nanoseconds most) {
  if (most.count() <= 0) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(most);
  const timespec timeout{static_cast<time_t>(seconds.count()), static_cast<long>((most - seconds).count())};
  // The kernel compares again before it sleeps; that it was woken, interrupted or late are all reasons to look.
  futex(flag_.value, FUTEX_WAIT, seen, &timeout);
}

bool spin(const SharedFlag& flag, std::uint32_t wanted, std::chrono::nanoseconds most) {
  if (flag.reached(wanted)) return true;
  if (most.count() <= 0) return false;
  const auto end = std::chrono::steady_clock::now() + most;
  do {
    for (int i = 0; i < 16; ++i) {
      if (flag.reached(wanted)) return true;
      pause_cpu();
    }
  } while (std::chrono::steady_clock::now() < end);
  return flag.reached(wanted);
}

}  // namespace troupe::nn
