#include "runtime/api/synchronisation.h"

#include <algorithm>
#include <thread>

#include "runtime/api/deadline.h"
#include "runtime/api/session.h"
#include "runtime/api/session_core.h"

namespace troupe {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds answer_slack{2000};  // Beyond its patience: the scheduler may be starting again.
constexpr milliseconds first_back_off{5};
constexpr milliseconds longest_back_off{100};

/// The answer, once it is neither a refusal nor a loss.
Result<sync::Answer> ask(SessionCore& core, sync::Operation operation, milliseconds limit, const std::string& what) {
  SyncClient& client = core.sync();
  const milliseconds wait = limit >= sync::for_ever ? limit : limit + answer_slack;
  auto answer = client.wait(client.start(std::move(operation)), wait);
  if (!answer) return Error{answer.error().fault, what + ": " + answer.error().message};
  switch (answer->outcome) {
    case sync::Outcome::timed_out:
      return Error{Fault::timed_out, what + " is not free after " + std::to_string(limit.count()) + " ms"};
    case sync::Outcome::lost: return Error{Fault::peer_lost, what + " is not held any more"};
    case sync::Outcome::refused: return Error{Fault::refused, answer->refusal};
    default: return answer;
  }
}

constexpr milliseconds soon{10'000};  // For what is answered at once.

}  // namespace

HeldClaim& HeldClaim::operator=(HeldClaim&& other) noexcept {
  release();
  core_ = std::move(other.core_);
  token_ = std::exchange(other.token_, 0);
  return *this;
}

bool HeldClaim::lost() const { return token_ == 0 || !core_->sync().is_held(token_); }

void HeldClaim::release() {
  if (const sync::Token token = std::exchange(token_, 0)) core_->sync().tell(sync::Release{token});
}

Result<std::uint64_t> Barrier::arrive_and_wait(milliseconds limit) {
  const sync::Arrive arrive{
      .name = name_, .parties = parties_, .passed = core_->sync().passed(name_), .patience = limit};
  const auto answer = ask(*core_, arrive, limit, "barrier '" + name_ + "'");
  if (answer) return answer->token;
  if (answer.error().fault != Fault::timed_out) return answer.error();
  return Error{Fault::timed_out, "not all " + std::to_string(parties_) + " parties of barrier '" + name_ +
                                     "' have arrived after " + std::to_string(limit.count()) + " ms"};
}

Result<void> ReceivedMessage::acknowledge() {
  const auto answer =
      ask(*core_, sync::Acknowledge{queue_, answer_.token}, soon, "the message of queue '" + queue_ + "'");
  if (!answer) return answer.error();
  claim_ = HeldClaim(core_, 0);
  return {};
}

Result<void> MessageQueue::send(Bytes body, milliseconds limit) {
  if (body.size() > sync::most_body_bytes)
    return Error{Fault::refused, "a message has at most " + std::to_string(sync::most_body_bytes) + " bytes, " +
                                     std::to_string(body.size()) +
                                     " were found: put it into an object or a file, and send its name"};
  const auto deadline = deadline_after(limit);
  for (milliseconds back_off = first_back_off;; back_off = std::min(2 * back_off, longest_back_off)) {
    const auto answer = ask(*core_, sync::Send{name_, body, durable_}, soon, "queue '" + name_ + "'");
    if (!answer) return answer.error();
    if (answer->outcome != sync::Outcome::full) return {};
    if (Clock::now() + back_off > deadline)
      return Error{Fault::timed_out, "queue '" + name_ + "' is full, still after " + std::to_string(limit.count()) +
                                         " ms: receive from it, or from '" + name_ + ".dead'"};
    std::this_thread::sleep_for(back_off);  // A full queue answers at once and lists nobody: its senders hold back.
  }
}

Result<ReceivedMessage> MessageQueue::receive(milliseconds limit, milliseconds lease) {
  auto answer =
      ask(*core_, sync::Receive{.queue = name_, .lease = lease, .patience = limit}, limit, "queue '" + name_ + "'");
  if (answer) return ReceivedMessage(core_, name_, std::move(*answer));
  if (answer.error().fault != Fault::timed_out) return answer.error();
  return Error{Fault::timed_out, "queue '" + name_ + "' has no message after " + std::to_string(limit.count()) + " ms"};
}

// --- Session ---------------------------------------------------------------------------------------------------------

Result<Lock> Session::try_lock(const std::string& name, const ClaimOptions& options) {
  const auto answer = ask(*core_, sync::Acquire{.name = name, .lease = options.lease, .patience = options.limit},
                          options.limit, "lock '" + name + "'");
  if (!answer) return answer.error();
  return Lock(core_, answer->token);
}

Lock Session::lock(const std::string& name, const ClaimOptions& options) {
  auto held = try_lock(name, options);
  if (!held) throw SyncError(held.error());
  return std::move(*held);
}

Result<Permits> Session::try_acquire(const SemaphoreClaim& wanted, const ClaimOptions& options) {
  const auto answer = ask(*core_,
                          sync::Acquire{.kind = sync::Kind::semaphore,
                                        .name = wanted.name,
                                        .permits = wanted.permits,
                                        .capacity = wanted.capacity,
                                        .lease = options.lease,
                                        .patience = options.limit},
                          options.limit, "semaphore '" + wanted.name + "'");
  if (!answer) return answer.error();
  return Permits(core_, answer->token);
}

Permits Session::acquire(const SemaphoreClaim& wanted, const ClaimOptions& options) {
  auto held = try_acquire(wanted, options);
  if (!held) throw SyncError(held.error());
  return std::move(*held);
}

Barrier Session::barrier(std::string name, std::uint32_t parties) { return {core_, std::move(name), parties}; }

Result<MessageQueue> Session::try_queue(const std::string& name, const sync::QueueOptions& options) {
  const auto answer = ask(*core_, sync::OpenQueue{name, options}, soon, "queue '" + name + "'");
  if (!answer) return answer.error();
  return MessageQueue(core_, name, options.durable);
}

MessageQueue Session::queue(const std::string& name, const sync::QueueOptions& options) {
  auto opened = try_queue(name, options);
  if (!opened) throw SyncError(opened.error());
  return std::move(*opened);
}

}  // namespace troupe
