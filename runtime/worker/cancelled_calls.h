// Calls whose callers do not want them any more: one that has not begun does not begin, one that runs is asked to stop.
//
// A cancel overtakes the calls that wait in a ring, and may come before the call that it means, or after its answer:
// those that meet no call are remembered until their caller counts anew, the last of them if there are very many.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>
#include <vector>

#include "runtime/wire/messages.h"

namespace troupe {

/// Threads: any. What users hang on a stop is run by a thread of its own.
class CancelledCalls {
 public:
  static constexpr std::size_t most_remembered = 65'536;

  CancelledCalls() = default;
  ~CancelledCalls();
  CancelledCalls(const CancelledCalls&) = delete;

  void cancel(const message::CancelCall& cancelled);
  /// The caller numbers its calls from 1 again.
  void start_over(std::uint64_t caller);

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
  void remember(const message::CancelCall& cancelled);
  void stop_what_is_to_stop();

  std::mutex mutex_;
  std::vector<Running*> running_;
  std::set<message::CancelCall> unmet_;
  std::deque<message::CancelCall> unmet_in_order_;  // The oldest first; some may have been met.
  std::deque<std::stop_source> to_stop_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::thread thread_;  // Once there is something to stop.
};

/// To a call that was cancelled before it began.
message::CallAnswer cancelled_answer(const message::Call& call);

}  // namespace troupe
