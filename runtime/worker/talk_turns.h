// Whose turn it is to talk, of a worker's two threads: the executor's while it has nothing to run, so that an order
// reaches it without a second thread; the other's while user code runs that takes longer than a moment.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace troupe {

/// Threads: what is marked so is called by one thread alone.
class TalkTurns {
 public:
  /// `call` has whoever talks leave off.
  explicit TalkTurns(std::function<void()> call) : call_(std::move(call)) {}
  TalkTurns(const TalkTurns&) = delete;

  // --- the executor's ---

  /// To listen. The other is sent away, and stays so until leave(), and a moment longer.
  void take();
  void leave();
  /// To say something, and then to pass(): it does not keep the other away. False: it talks.
  bool try_to_take();

  // --- the other's ---

  /// Until the executor has not listened for a moment. False: it is over.
  bool wait();

  // --- either's ---

  void pass();

  // --- any ---

  /// Somebody talks: he is to be woken for what is to be said.
  bool is_taken() const;
  void end();

 private:
  bool is_others() const;

  const std::function<void()> call_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_taken_ = false;
  bool is_executors_ = false;  // It listens, or is about to.
  bool is_over_ = false;
  bool is_asleep_ = false;  // The other, until it is told.
  std::chrono::steady_clock::time_point left_at_ = std::chrono::steady_clock::now();
};

}  // namespace troupe
