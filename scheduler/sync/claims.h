// Who waits for what, and who holds what until when: one entry, a claim, from the request to the end of what it gave.
//
// A claim's token is drawn when it is made. Claims are granted in the order of their tokens (permits.h, queues.h), so
// of two grants of one thing the later has the higher token. A token is the epoch and a counter in one number: it grows
// across schedulers, though none of this is written anywhere.
//
// Invariants: tokens are unique; each claim is in every index that its fields name, and in no other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "runtime/base/synchronisation.h"

namespace troupe::scheduler {

using SyncTime = std::chrono::milliseconds;  ///< The scheduler's clock.
inline constexpr SyncTime never = SyncTime::max();
/// Of a token, below the epoch: 28 years of 20,000 a second, and a million epochs.
inline constexpr int token_counter_bits = 44;

/// What ends a claim besides its lease. Either, both or neither.
struct Holder {
  DriverId client;  ///< Ends with this connection.
  TaskId task;      ///< Ends with this attempt.
  AttemptId attempt;
  friend auto operator<=>(const Holder&, const Holder&) = default;
};

struct Claim {
  sync::Kind kind = sync::Kind::lock;
  std::string name;
  Holder holder;
  DriverId client;  ///< Who is answered; none: a task's own locks.
  std::uint64_t request = 0;
  bool is_held = false;
  SyncTime until = never;  ///< Of the wait; once held, of the lease.
  sync::Duration lease{0};
  std::uint32_t permits = 1;  ///< Of a lock or semaphore.
  std::uint64_t number = 0;   ///< Of the message that is delivered, or of the round that is waited for.
};

/// Cost: every operation is logarithmic in the number of claims.
class Claims {
 public:
  explicit Claims(std::uint32_t epoch);

  /// Also names what is not a claim: messages.
  sync::Token draw();
  bool is_of_earlier_epoch(sync::Token token) const;

  /// Under a token of its own; under `token` if it was drawn before.
  sync::Token add(Claim claim, sync::Token token = 0);
  void erase(sync::Token token);
  /// It is held from now on.
  void grant(sync::Token token, SyncTime until);
  void set_until(sync::Token token, SyncTime until);
  /// Which message it delivers.
  void set_number(sync::Token token, std::uint64_t number) { entry(token).number = number; }

  const Claim* find(sync::Token token) const;
  /// Requires: it is there.
  const Claim& at(sync::Token token) const { return claims_.at(token); }
  /// The claim that a request made; 0: none.
  sync::Token of_request(DriverId client, std::uint64_t request) const;
  std::vector<sync::Token> of_client(DriverId client) const;
  std::vector<sync::Token> of_attempt(TaskId task, AttemptId attempt) const;
  /// Those whose time is over.
  std::vector<sync::Token> due(SyncTime now) const;
  std::optional<SyncTime> next_end() const;
  std::size_t size() const { return claims_.size(); }

 private:
  Claim& entry(sync::Token token) { return claims_.at(token); }

  std::uint32_t epoch_;
  std::uint64_t last_ = 0;
  std::unordered_map<sync::Token, Claim> claims_;  // lookup only
  std::map<std::pair<DriverId, std::uint64_t>, sync::Token> by_request_;
  std::set<std::pair<DriverId, sync::Token>> by_client_;
  std::set<std::tuple<TaskId, AttemptId, sync::Token>> by_attempt_;
  std::set<std::pair<SyncTime, sync::Token>> by_end_;
};

}  // namespace troupe::scheduler
