// Tells, of one thread, when it has waited for a while, and when it goes on: of the thread that runs a task, whose cpus
// are others' meanwhile. Threads that are not watched pay a comparison.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>

namespace troupe {

class LongWaits {
 public:
  using Clock = std::chrono::steady_clock;
  /// What is over sooner is told to nobody.
  static constexpr std::chrono::milliseconds shortest{1};

  /// Before the first wait of that thread.
  void watch(std::thread::id thread, std::function<void(bool waits)> on_wait) {
    thread_ = thread;
    on_wait_ = std::move(on_wait);
  }

  /// What the calling thread waits for while one lives is one wait.
  class Scope {
   public:
    explicit Scope(LongWaits& waits) : waits_(waits.is_watched() ? &waits : nullptr) {
      if (waits_ != nullptr && waits_->depth_++ == 0) waits_->began_ = Clock::now();
    }
    ~Scope() {
      if (waits_ != nullptr && --waits_->depth_ == 0 && std::exchange(waits_->is_told_, false)) waits_->on_wait_(false);
    }
    Scope(const Scope&) = delete;

   private:
    LongWaits* const waits_;
  };

  /// `wait_until(time)` says whether what is waited for is there, at that time at the latest.
  template <class WaitUntil>
  bool wait(Clock::time_point deadline, WaitUntil wait_until) {
    const Scope scope(*this);
    if (!is_watched() || is_told_) return wait_until(deadline);
    const auto long_at = began_ + shortest;
    if (wait_until(std::min(deadline, long_at))) return true;
    if (deadline < long_at) return false;
    is_told_ = true;
    on_wait_(true);
    return wait_until(deadline);
  }

 private:
  bool is_watched() const { return on_wait_ && thread_ == std::this_thread::get_id(); }

  std::thread::id thread_;
  std::function<void(bool)> on_wait_;
  // Of that thread.
  int depth_ = 0;
  Clock::time_point began_{};  // The outermost scope.
  bool is_told_ = false;       // That it waits.
};

}  // namespace troupe
