// A driver's requests to locks, semaphores, barriers and queues: what is asked, what is held, what is renewed. The
// session's thread carries the frames; user threads start requests and wait for their answers.
//
// Invariants: a request has one number for ever, and is sent again until it is answered; what is held is renewed at a
// third of its lease, and claimed again from a scheduler of a new epoch, until it is given back or lost; what is
// granted to somebody who no longer waits is given back.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/api/long_waits.h"
#include "runtime/base/result.h"
#include "runtime/base/synchronisation.h"

namespace troupe {

/// Threads: any.
class SyncClient {
 public:
  using Clock = std::chrono::steady_clock;
  using Number = std::uint64_t;  ///< Of a request.

  /// `wake` makes the session's thread look for what is to be sent.
  SyncClient(std::function<void()> wake, LongWaits& waits) : wake_(std::move(wake)), waits_(waits) {}

  /// Sends it as soon as possible, together with others of the same moment. Each must be waited for once.
  Number start(sync::Operation operation);
  std::vector<Number> start(std::vector<sync::Operation> operations);
  /// The last answer. The operation's own patience bounds the wait while the scheduler answers at all; `limit` always.
  ///
  /// Fails with: unavailable (the cluster is lost), timed_out; what is granted later is then given back.
  Result<sync::Answer> wait(Number number, std::chrono::milliseconds limit);
  /// Sends it, and nobody waits for the answer.
  void tell(sync::Operation operation);

  /// Whether the lease has been confirmed and is not over by this clock.
  bool is_held(sync::Token token) const;
  /// The last round of a barrier that this client knows to be over.
  std::uint64_t passed(const std::string& barrier) const;

  // --- the session's thread

  /// What is to be sent now; empty if nothing is.
  struct Frame {
    Number confirmed_below = 0;
    std::vector<sync::Request> requests;
  };
  Frame next_frame(Clock::time_point now);
  /// When next_frame has something to say without being woken.
  Clock::time_point next_deadline() const;
  /// Whether answers are to come.
  bool is_waiting() const;
  void take(std::vector<sync::Answer> answers);
  /// A scheduler of a new epoch knows nothing of this client.
  void start_over();
  /// The cluster is lost.
  void fail(const std::string& why);

 private:
  bool may_need_cpus(Number number) const;
  struct Open {
    sync::Operation operation;
    bool is_sent = false;
    Clock::time_point sent{};
    bool is_waited_for = true;
    std::optional<sync::Answer> answer;
    std::uint64_t round = 0;  // Of an arrival that waits.
  };
  struct Held {
    sync::Operation operation;  // Acquire or Receive: what claims it again.
    std::uint64_t message = 0;
    std::chrono::milliseconds lease{0};
    Clock::time_point until;
    Clock::time_point renew_at;
  };

  Number add(sync::Operation operation, bool is_waited_for, bool is_first = false);
  void count_out(const Open& open);
  void take_one(sync::Answer& answer);
  void hold(const sync::Operation& operation, const sync::Answer& answer);
  void renew_what_is_due(Clock::time_point now);
  void send_again_what_is_unanswered(Clock::time_point now);

  const std::function<void()> wake_;
  LongWaits& waits_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Number last_ = 0;
  std::map<Number, Open> open_;
  std::deque<Number> unsent_;
  std::size_t sent_ = 0;       // And not answered.
  std::size_t in_flight_ = 0;  // Those of them that are answered at once.
  std::map<sync::Token, Held> held_;
  std::map<std::string, std::uint64_t> passed_;
  std::map<std::string, sync::QueueOptions> opened_;  // Queues.
  Clock::time_point next_renewal_ = Clock::time_point::max();
  Clock::time_point next_repeat_{};
  std::string lost_;
};

}  // namespace troupe
