// A number in shared memory that only grows, and that others can wait for: first spinning, then asleep in the kernel.
// Zeroed memory is a flag at 0.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace troupe::nn {

/// Threads: one raises, any number wait, in any process that maps it.
struct alignas(64) SharedFlag {
  std::atomic<std::uint32_t> value{0};
  std::atomic<std::uint32_t> sleepers{0};

  /// Compares around the wrap, so that 2^32 steps are no limit.
  bool reached(std::uint32_t wanted) const {
    return static_cast<std::int32_t>(value.load(std::memory_order_acquire) - wanted) >= 0;
  }

  /// Makes everything written before visible to those who see the new value.
  void raise(std::uint32_t to);

  /// Lets every sleeper look around.
  void wake();
};
static_assert(sizeof(SharedFlag) == 64 && std::atomic<std::uint32_t>::is_always_lock_free);

/// Counts as a sleeper of the flag as long as it lives.
class FlagSleeper {
 public:
  explicit FlagSleeper(SharedFlag& flag) : flag_(flag) { flag_.sleepers.fetch_add(1); }
  ~FlagSleeper() { flag_.sleepers.fetch_sub(1); }
  FlagSleeper(const FlagSleeper&) = delete;
  FlagSleeper& operator=(const FlagSleeper&) = delete;

  /// Sleeps until the flag is woken or raised, or the time is over; may return early.
  void sleep(std::uint32_t seen, std::chrono::nanoseconds most);

 private:
  SharedFlag& flag_;
};

/// Looks at the flag for `most`, without sleeping. Returns whether it has reached the value.
bool spin(const SharedFlag& flag, std::uint32_t wanted, std::chrono::nanoseconds most);

}  // namespace troupe::nn
