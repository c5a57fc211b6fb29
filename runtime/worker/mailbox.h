// The order of calls to one actor, as a pure value: what arrived goes in, what may run next comes out.
//
// Invariants: the calls of one caller are delivered in the order of their numbers, from 1, without a gap, each once;
// callers do not wait for each other.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "runtime/wire/messages.h"

namespace troupe {

class Mailbox {
 public:
  /// Calls that came before their turn, for one caller; a caller that sends more is cut off.
  static constexpr std::size_t most_early = 10'000;

  enum class Arrival {
    queued,     ///< Will come out of `next`.
    early,      ///< Kept until the calls before it have come.
    repeated,   ///< Was here before: nothing to do.
    too_early,  ///< Refused: the caller keeps too many waiting.
  };

  Arrival arrive(message::Call call);

  /// The call to run now; nullopt if there is none.
  std::optional<message::Call> next();

  /// The calls of the caller up to `last` are not waited for, and not taken.
  void skip_to(std::uint64_t caller, std::uint64_t last);
  std::uint64_t last_queued(std::uint64_t caller) const;

  /// The caller counts from 1 again: what is kept of it for its turn will never have one.
  void start_over(std::uint64_t caller) { callers_.erase(caller); }

  bool empty() const { return ready_.empty(); }

 private:
  struct Caller {
    std::uint64_t last_queued = 0;
    std::map<std::uint64_t, message::Call> early;
  };

  std::map<std::uint64_t, Caller> callers_;
  std::deque<message::Call> ready_;
};

}  // namespace troupe
