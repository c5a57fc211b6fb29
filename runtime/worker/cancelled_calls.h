// Calls whose callers do not want them any more: one that has not begun does not begin, one that runs is asked to stop.
//
// A cancel overtakes the calls that wait in a ring, and may come before the call that it means, or after its answer: of
// those that meet no call the last few are remembered.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "runtime/wire/messages.h"

namespace troupe {

/// Threads: any.
class CancelledCalls {
 public:
  static constexpr std::size_t most_remembered = 1024;

  void cancel(const message::CancelCall& cancelled);

  /// While it lives the calling thread runs the call.
  class Running {
   public:
    Running(CancelledCalls& all, const message::Call& call);
    ~Running();
    Running(const Running&) = delete;

    /// Before it began: it is not to begin.
    bool is_cancelled() const { return is_cancelled_; }

   private:
    friend class CancelledCalls;
    CancelledCalls& all_;
    const message::CancelCall call_;
    bool is_cancelled_ = false;
    std::optional<std::stop_source> stop_;  // Once somebody looks, or it is cancelled.
  };

  /// Of the call that this thread runs; one that is never asked to stop where it runs none.
  static std::stop_token stop_token();

 private:
  std::mutex mutex_;
  std::vector<Running*> running_;
  std::deque<message::CancelCall> unmet_;  // The oldest first.
};

/// To a call that was cancelled before it began.
message::CallAnswer cancelled_answer(const message::Call& call);

}  // namespace troupe
