// Locks, semaphores, barriers and message queues of the cluster, as a driver uses them: `session.lock("name")`.
//
// What a lease is, and what it is not. Whoever holds a lock holds it for a lease, which the session renews as long as
// it and the scheduler hear of each other. A holder that is stopped, cut off or too slow loses the lock when its lease
// is over, and need not have noticed yet when the next one holds it. So a lock alone does not keep two from touching a
// thing that Troupe does not own. The token does: it only grows from one holder to the next, whatever fails and starts
// again in between. Hand it to that thing with every write, and let it refuse a lower token than the highest it has
// seen.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "runtime/base/result.h"
#include "runtime/base/synchronisation.h"

namespace troupe {

class SessionCore;

/// What `lock`, `acquire` and their like throw; the `try_` forms return it.
class SyncError : public std::runtime_error {
 public:
  explicit SyncError(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  const Error& error() const { return error_; }

 private:
  Error error_;
};

struct ClaimOptions {
  std::chrono::milliseconds lease = sync::default_lease;  ///< How long others wait for a holder that was lost.
  std::chrono::milliseconds limit = sync::for_ever;       ///< How long to wait for it; 0: takes it if it is free now.
};

/// A lock, or permits of a semaphore, until it is destroyed. Move only.
class HeldClaim {
 public:
  HeldClaim(std::shared_ptr<SessionCore> core, sync::Token token) : core_(std::move(core)), token_(token) {}
  HeldClaim(HeldClaim&& other) noexcept : core_(std::move(other.core_)), token_(std::exchange(other.token_, 0)) {}
  HeldClaim& operator=(HeldClaim&& other) noexcept;
  ~HeldClaim() { release(); }

  /// The fencing token: higher than that of every holder before.
  sync::Token token() const { return token_; }
  /// Whether it is known to be over, or was not confirmed within its lease. False is no promise: see above.
  bool lost() const;
  /// Gives it back. Nothing if it was given back.
  void release();

 private:
  std::shared_ptr<SessionCore> core_;
  sync::Token token_ = 0;
};

using Lock = HeldClaim;
using Permits = HeldClaim;

/// Parties that wait for each other, round after round.
class Barrier {
 public:
  Barrier(std::shared_ptr<SessionCore> core, std::string name, std::uint32_t parties)
      : core_(std::move(core)), name_(std::move(name)), parties_(parties) {}

  /// Waits until all have arrived. The number of the round, from 1.
  ///
  /// Fails with: timed_out (it has left the round), refused, unavailable.
  Result<std::uint64_t> arrive_and_wait(std::chrono::milliseconds limit = sync::for_ever);

 private:
  std::shared_ptr<SessionCore> core_;
  std::string name_;
  std::uint32_t parties_;
};

/// A message that was received: it is delivered to somebody else, unless it is acknowledged before this is destroyed
/// and before its lease, which is renewed meanwhile, is over. Move only.
class ReceivedMessage {
 public:
  ReceivedMessage(std::shared_ptr<SessionCore> core, std::string queue, sync::Answer answer)
      : claim_(core, answer.token), core_(std::move(core)), queue_(std::move(queue)), answer_(std::move(answer)) {}

  const Bytes& body() const { return answer_.body; }
  /// From 1; more than 1: somebody before may have begun with it.
  std::uint32_t deliveries() const { return answer_.deliveries; }
  sync::Token token() const { return answer_.token; }
  bool lost() const { return claim_.lost(); }

  /// It is done with, for good.
  ///
  /// Fails with: peer_lost (its lease was over: it is delivered again), unavailable.
  Result<void> acknowledge();
  /// Puts it back.
  void release() { claim_.release(); }

 private:
  HeldClaim claim_;
  std::shared_ptr<SessionCore> core_;
  std::string queue_;
  sync::Answer answer_;
};

/// First in, first out; at least once to one of its consumers.
class MessageQueue {
 public:
  MessageQueue(std::shared_ptr<SessionCore> core, std::string name, bool durable)
      : core_(std::move(core)), name_(std::move(name)), durable_(durable) {}

  /// Puts a message at the end; waits for room where the queue is full.
  ///
  /// Fails with: timed_out (still full), refused (too large), unavailable.
  Result<void> send(Bytes body, std::chrono::milliseconds limit = sync::for_ever);
  /// Waits for the next message.
  ///
  /// Fails with: timed_out, refused, unavailable.
  Result<ReceivedMessage> receive(std::chrono::milliseconds limit = sync::for_ever,
                                  std::chrono::milliseconds lease = sync::default_lease);

 private:
  std::shared_ptr<SessionCore> core_;
  std::string name_;
  bool durable_;
};

}  // namespace troupe
