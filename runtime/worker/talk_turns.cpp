#include "runtime/worker/talk_turns.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds longest_absence{2};  // Of the executor, while nobody talks.

}  // namespace

void TalkTurns::take() {
  std::unique_lock lock(mutex_);
  is_executors_ = true;
  if (is_taken_) {
    call_();
    changed_.wait(lock, [this] { return !is_taken_; });
  }
  is_taken_ = true;
}

bool TalkTurns::try_to_take() {
  const std::lock_guard lock(mutex_);
  if (is_taken_) return false;
  return is_taken_ = true;
}

void TalkTurns::leave() {
  const std::lock_guard lock(mutex_);
  is_taken_ = is_executors_ = false;
  left_at_ = Clock::now();
  if (is_asleep_) changed_.notify_one();
}

bool TalkTurns::is_others() const { return !is_taken_ && !is_executors_ && Clock::now() >= left_at_ + longest_absence; }

/// It looks from time to time while tasks follow each other: to be told at each would cost them more.
bool TalkTurns::wait() {
  std::unique_lock lock(mutex_);
  bool is_long = false;
  while (!is_over_ && !is_others()) {
    const auto left_before = left_at_;
    if (is_long) {
      is_asleep_ = true;
      changed_.wait(lock, [&] { return is_over_ || !is_executors_; });
      is_asleep_ = false;
    } else {
      changed_.wait_for(lock, longest_absence);
    }
    is_long = is_executors_ && left_at_ == left_before;
  }
  if (is_over_) return false;  // The executor may still talk.
  return is_taken_ = true;
}

void TalkTurns::pass() {
  const std::lock_guard lock(mutex_);
  is_taken_ = false;
  if (is_executors_) changed_.notify_one();
}

bool TalkTurns::is_taken() const {
  const std::lock_guard lock(mutex_);
  return is_taken_;
}

void TalkTurns::end() {
  const std::lock_guard lock(mutex_);
  is_over_ = true;
  changed_.notify_all();
  if (is_taken_ && !is_executors_) call_();
}

}  // namespace troupe
