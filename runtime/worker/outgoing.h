// What a worker has to say, and when: reports gather while other orders wait here for their turn. Pure; its owner
// guards it.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/wire/messages.h"
#include "runtime/wire/transport.h"

namespace troupe {

class Outgoing {
 public:
  using Clock = std::chrono::steady_clock;

  // Reports of tasks that end within it share a frame, as long as other orders wait: whoever waits for a report waits
  // no longer, and a processor that all share is not given away for each.
  static constexpr std::chrono::microseconds longest_gathering{1000};

  /// Says whether whoever talks has to look at it now.
  bool add(PeerId to, message::Message message, bool do_orders_wait) {
    const bool is_of_interest = made_.empty() || !do_orders_wait || is_due_ || !passed_.empty();
    made_.emplace_back(to, std::move(message));
    return is_of_interest;
  }
  /// It does not gather, nor does what was added before it.
  void add_now(PeerId to, message::Message message) {
    made_.emplace_back(to, std::move(message));
    is_due_ = true;
  }
  /// A result, to the workers at these addresses. Never gathers, and leaves before what is added after it.
  void pass(std::vector<std::string> addresses, message::AwaitedResult result) {
    passed_.emplace_back(std::move(addresses), std::move(result));
  }
  /// What is there leaves at the next look.
  void hurry() { is_due_ = true; }
  bool has_report_of(TaskId task, AttemptId attempt) const {
    return std::any_of(made_.begin(), made_.end(), [&](const auto& made) {
      const auto* report = std::get_if<message::Report>(&made.second);
      return report != nullptr && report->report.task == task && report->report.attempt == attempt;
    });
  }

  struct Due {
    std::vector<std::pair<std::vector<std::string>, message::AwaitedResult>> passed;  // To whom.
    std::vector<std::pair<PeerId, message::Message>> made;
  };
  Due take_due(Clock::time_point now, bool do_orders_wait) {
    Due due{std::exchange(passed_, {}), {}};
    if (made_.empty()) return due;
    if (do_orders_wait && !is_due_ && now < send_at_.value_or(Clock::time_point::max())) {
      if (!send_at_) send_at_ = now + longest_gathering;
      return due;
    }
    send_at_.reset();
    is_due_ = false;
    due.made = std::exchange(made_, {});
    return due;
  }
  /// When what gathers is due. Changes in take_due alone, whose caller may read it without a lock.
  Clock::time_point send_at() const { return send_at_.value_or(Clock::time_point::max()); }

 private:
  decltype(Due::passed) passed_;
  decltype(Due::made) made_;
  bool is_due_ = false;                       // What is made.
  std::optional<Clock::time_point> send_at_;  // Something gathers until then.
};

}  // namespace troupe
