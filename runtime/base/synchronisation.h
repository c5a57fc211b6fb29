// What a client asks of the scheduler's locks, semaphores, barriers and queues, and what it is answered: plain values.
//
// What is granted is a *claim*: a lock, permits of a semaphore, or the delivery of a message, for the time of a lease.
// Its name is its token: a number that only grows, whatever ends and starts again meanwhile.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/task_spec.h"

namespace troupe::sync {

using Token = std::uint64_t;  ///< 0: none.
using Duration = std::chrono::milliseconds;

/// Waits as long as it takes.
inline constexpr Duration for_ever{std::chrono::hours(24 * 365 * 10)};
inline constexpr Duration default_lease{5000};
inline constexpr std::size_t most_body_bytes = 512u << 10;  ///< Of a message.

/// Each kind has names of its own.
enum class Kind : std::uint8_t { lock, semaphore, barrier, queue };

// --- requests --------------------------------------------------------------------------------------------------------

/// A lock, which is a semaphore of one permit, or permits of a semaphore. Answered when it is granted, or when
/// `patience` is over.
struct Acquire {
  Kind kind = Kind::lock;
  std::string name;
  std::uint32_t permits = 1;
  std::uint32_t capacity = 1;  ///< Of the semaphore; while it is in use all must say the same.
  Duration lease = default_lease;
  Duration patience = for_ever;
  Token held = 0;  ///< Claims again what an earlier scheduler granted.
};

/// Gives back a lock, permits, or a message, which is then delivered again.
struct Release {
  Token token = 0;
};

/// Each of the leases starts anew. Answered with those that have ended.
struct Renew {
  std::vector<Token> tokens;
};

/// Answered `waiting` with the number of the round, and `done` when all parties of the round have arrived.
struct Arrive {
  std::string name;
  std::uint32_t parties = 1;
  std::uint64_t passed = 0;  ///< The last round that this client knows to be over.
  std::uint64_t round = 0;   ///< The one that an earlier scheduler let it wait for.
  Duration patience = for_ever;
};

/// Tells a scheduler that was started anew of a round that is over: others may still wait for it.
struct Recall {
  std::string name;
  std::uint64_t passed = 0;
};

struct QueueOptions {
  std::uint32_t capacity = 10'000;  ///< Messages: those that wait, those that are delivered, and dead letters.
  std::uint32_t max_deliveries = 5;
  bool durable = false;  ///< In the store: outlives the scheduler.
  friend bool operator==(const QueueOptions&, const QueueOptions&) = default;
};

/// Says how a queue is to be, unless it is in use. One that nobody opened has the defaults.
struct OpenQueue {
  std::string name;
  QueueOptions options{};
};

struct Send {
  std::string queue;
  Bytes body;
  bool durable = false;  ///< Only to a queue that outlives the scheduler.
};

/// The next message, for the time of a lease. `NAME.dead` holds the dead letters of queue NAME.
struct Receive {
  std::string queue;
  Duration lease = default_lease;
  Duration patience = for_ever;
  bool outlives_client = false;  ///< The delivery is not put back when the client leaves.
  Token held = 0;                ///< Claims again a delivery by an earlier scheduler …
  std::uint64_t message = 0;     ///< … of this message.
};

/// The message is done with.
struct Acknowledge {
  std::string queue;
  Token token = 0;
};

/// Answers an open request of the same client as timed out.
struct GiveUp {
  std::uint64_t request = 0;
};

using Operation = std::variant<Acquire, Release, Renew, Arrive, OpenQueue, Send, Receive, Acknowledge, GiveUp, Recall>;

/// Numbered by its client, from 1 and growing; the same number again is the same request.
struct Request {
  std::uint64_t number = 0;
  Operation operation;
};

// --- answers ---------------------------------------------------------------------------------------------------------

enum class Outcome : std::uint8_t {
  granted,    ///< `token` is the claim's.
  done,       ///< Of an arrival: `token` is the round.
  waiting,    ///< Not the last answer: of an arrival, `token` is the round.
  timed_out,  ///< Its patience is over, or it was given up.
  full,       ///< The queue takes no more now.
  lost,       ///< The claim is not held any more.
  refused,
};

struct Answer {
  std::uint64_t request = 0;
  Outcome outcome = Outcome::done;
  Token token = 0;
  std::uint64_t message = 0;     ///< Of a delivery: the message's number.
  std::uint32_t deliveries = 0;  ///< Of a delivery: how often it has been delivered, this time included.
  Bytes body;
  std::string refusal;      ///< One line, when refused.
  std::vector<Token> lost;  ///< Of Renew.
};

}  // namespace troupe::sync
