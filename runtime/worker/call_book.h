// What becomes of the calls of a worker's actors, for whoever looks from outside: how many it has answered, how many
// wait for a thread, and what runs. What still lies in a ring is not counted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/wire/messages.h"

namespace troupe {

/// Of one actor. Threads: each count by one thread at a time, which its owner sees to; looked at by any.
class CallCounter {
 public:
  void waits(std::size_t calls) { waiting_.store(calls, std::memory_order_relaxed); }
  void begins() { add_one(begun_); }
  /// The method of the call that began last. Requires: it stays where it is.
  void runs(const std::string& method) { method_.store(&method, std::memory_order_relaxed); }
  void ends() { add_one(ended_); }

 private:
  friend class CallBook;
  // No other thread adds: this needs no lock on the bus.
  static void add_one(std::atomic<std::uint64_t>& count) {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::uint64_t> begun_ = 0;
  std::atomic<std::uint64_t> ended_ = 0;
  std::atomic<const std::string*> method_ = nullptr;
};

/// Threads: any.
class CallBook {
 public:
  using Clock = std::chrono::steady_clock;

  /// Stands in the book as long as somebody has it.
  std::shared_ptr<CallCounter> open(TaskId actor, AttemptId attempt);

  /// Of which there is something new, or whose code runs.
  std::vector<message::ActorCalls> news(Clock::time_point now);

 private:
  struct Entry {
    TaskId actor;
    AttemptId attempt;
    std::weak_ptr<const CallCounter> counter;
    message::CallCounts told{};
    bool is_told = false;
    std::uint64_t begun = 0;    // When it was looked at last,
    Clock::time_point since{};  // and since when it has been so.
  };

  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace troupe
