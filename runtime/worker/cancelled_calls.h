// Calls whose callers do not want them any more: one that has not begun does not begin, one that runs is asked to stop,
// and what it has begun is cancelled. Likewise the task that runs.
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
#include <utility>
#include <vector>

#include "runtime/api/begun_work.h"
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
  /// The task's own thread is asked to stop, where it would know: it has a token. False: it has none.
  bool ask_to_stop(const std::pair<TaskId, AttemptId>& task);
  /// The caller numbers its calls from 1 again.
  void start_over(std::uint64_t caller);

  /// While it lives the calling thread runs the call, or the task.
  class Running {
   public:
    Running(CancelledCalls& all, const message::Call& call)
        : Running(all, message::CancelCall{call.actor, call.attempt, call.caller, call.number}) {}
    Running(CancelledCalls& all, const std::pair<TaskId, AttemptId>& task) : Running(all, as_call(task)) {}
    ~Running();
    Running(const Running&) = delete;

    /// Before it began: it is not to begin.
    bool is_cancelled() const { return is_cancelled_; }

   private:
    friend class CancelledCalls;
    Running(CancelledCalls& all, const message::CancelCall& call);

    CancelledCalls& all_;
    const message::CancelCall call_;
    bool is_cancelled_ = false;
    std::optional<std::stop_source> stop_;  // Once somebody looks, or it is cancelled.
    BegunWork begun_;
  };

  /// Of the call that this thread runs; one that is never asked to stop where it runs none.
  static std::stop_token stop_token();

 private:
  /// No call has the number 0 of caller 0.
  static message::CancelCall as_call(const std::pair<TaskId, AttemptId>& task) { return {task.first, task.second}; }
  void stop(Running& running);
  void remember(const message::CancelCall& cancelled);
  void stop_what_is_to_stop();

  std::mutex mutex_;
  std::vector<Running*> running_;
  std::set<message::CancelCall> unmet_;
  std::deque<message::CancelCall> unmet_in_order_;  // The oldest first; some may have been met.
  struct ToStop {
    std::stop_source source;
    BegunWork::List begun;
  };
  std::deque<ToStop> to_stop_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::thread thread_;  // Once there is something to stop.
};

/// To a call that was cancelled before it began.
message::CallAnswer cancelled_answer(const message::Call& call);

}  // namespace troupe
