// A session and the actors whose state survives a restart (RestartMode): which of its calls are in the state of an
// incarnation that it meets, and what becomes of the others.
//
// Their calls are numbered over all links and incarnations. Over each new link the caller first asks, by a call of
// number 0, for the number of the last of its calls that is in the state; everything else waits for the answer. It
// hands over the number of its next call, so that the numbers of calls that were rolled back are not missed, and how
// many calls the actor had run when it asked before, by which it may have been forgotten since.
#include <algorithm>
#include <functional>
#include <utility>

#include "runtime/api/session_core.h"
#include "runtime/wire/call_records.h"

namespace troupe {
namespace {

constexpr const char* lost_log =
    "its log is without calls that were answered: was it lost with its node, or damaged? `state_folder` can name a "
    "folder that all nodes reach";

}  // namespace

bool SessionCore::is_rolled_back(const ActorLine& actor, const Object& call) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = call.whole ? call.whole->call_number : call.call_number;
  const auto has_it = [&](const auto& range) { return range.first <= number && number <= range.second; };
  return std::any_of(actor.rolled_back.begin(), actor.rolled_back.end(), has_it);
}

std::uint64_t SessionCore::rolled_back(const ActorLine& actor) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  for (const auto& [first, last] : actor.rolled_back) count += last + 1 - first;
  return count;
}

bool SessionCore::may_send(const ActorLine& actor) const {
  if (actor.link == nullptr || !actor.link->can_take() || actor.asks_what_is_kept || actor.unsent > 0) return false;
  return actor.restart != RestartMode::logged || actor.in_flight.size() < most_logged_in_flight;
}

void SessionCore::ask_what_is_kept(const WorkerLink& link) {
  for (auto& [id, actor] : actors_)
    if (actor->link == &link && actor->restart != RestartMode::none) ask_what_is_kept(*actor);
}

void SessionCore::ask_what_is_kept(ActorLine& actor) {
  actor.asks_what_is_kept = true;
  const Bytes next = encode(message::WhatIsKept{actor.last_number + 1, actor.turns_told});
  const std::string_view arguments[] = {next};
  if (actor.link->ring || actor.link->peer) send_by_link(actor, 0, {}, arguments);
}

/// By whoever talks.
void SessionCore::on_what_is_kept(const message::CallAnswer& answer) {
  const auto found = actors_.find(answer.actor);
  if (found == actors_.end() || !found->second->asks_what_is_kept || answer.attempt != found->second->attempt) return;
  ActorLine& actor = *found->second;
  const auto told = decode<message::WhatIsKept>(answer.value);
  if (!answer.ok || !told) return;
  const std::uint64_t last_kept = told->number;
  actor.turns_told = told->turns;
  actor.asks_what_is_kept = false;
  count_answered(actor, 1);
  if (last_kept == message::not_remembered) {
    forget_in_flight(actor, [](std::uint64_t) {
      return "it is not known whether it was applied: its answer was lost with its worker, and its actor no longer "
             "remembers this caller, so many have called since";
    });
  } else if (actor.last_number == 0) {
    actor.last_number = last_kept;  // Of an earlier handle of this driver's.
  } else if (actor.restart == RestartMode::checkpoint) {
    roll_back(actor, last_kept);
  } else if (last_kept + 1 < actor.first_in_flight()) {
    if (!actor.is_borrowed) ask_to_cancel(actor.task);
    return end_actor(actor, Fault::corrupt, lost_log);
  }
  pump(actor);
}

/// `cause`: why there is no answer to the call of that number.
void SessionCore::forget_in_flight(ActorLine& actor, const std::function<const char*(std::uint64_t)>& cause) {
  std::uint64_t number = actor.first_in_flight();
  for (const auto& call : std::exchange(actor.in_flight, {})) {
    if (call.result) finish(call.result, Failure{Fault::peer_lost, call.result->name(), {}, 0, cause(number)});
    ++number;
  }
  set_unsent(actor, 0);
}

void SessionCore::roll_back(ActorLine& actor, std::uint64_t last_kept) {
  forget_in_flight(actor, [last_kept](std::uint64_t number) {
    return number <= last_kept ? "applied, but its answer was lost with its worker"
                               : "rolled back: its actor goes on from a checkpoint before it";
  });
  if (last_kept >= actor.last_number) return;
  std::pair<std::uint64_t, std::uint64_t> range{last_kept + 1, actor.last_number};
  // A checkpoint that was damaged leads back behind what was rolled back before.
  for (auto& ranges = actor.rolled_back; !ranges.empty() && ranges.back().second >= range.first; ranges.pop_back())
    range.first = std::min(range.first, ranges.back().first);
  actor.rolled_back.push_back(range);
}

/// What was sent over a link that is no more.
void SessionCore::lose_calls_in_flight(ActorLine& actor, Fault fault, const std::string& cause) {
  actor.restart == RestartMode::none ? fail_calls_in_flight(actor, fault, cause) : uncount_calls_in_flight(actor);
}

/// No answer will come over this link.
void SessionCore::uncount_calls_in_flight(ActorLine& actor) {
  if (actor.link != nullptr && actor.link->ring) take_answers();  // The last words of its worker are in the ring.
  const auto sent_end = actor.in_flight.end() - static_cast<std::ptrdiff_t>(actor.unsent);
  const auto is_open = std::mem_fn(&ActorLine::CallInFlight::is_open);
  auto open = static_cast<std::size_t>(std::count_if(actor.in_flight.begin(), sent_end, is_open));
  if (std::exchange(actor.asks_what_is_kept, false)) ++open;
  std::erase_if(kept_, [&](const auto& answer) { return answer.actor == actor.task; });
  count_answered(actor, open);
  set_unsent(actor, actor.in_flight.size());
}

/// They wait, as calls that were never sent do.
void SessionCore::set_unsent(ActorLine& actor, std::size_t count) {
  waiting_calls_ += count;
  waiting_calls_ -= std::exchange(actor.unsent, count);
}

void SessionCore::send_again(ActorLine& actor) {
  while (actor.unsent > 0 && actor.link != nullptr && actor.link->can_take() && !actor.asks_what_is_kept) {
    const std::size_t next = actor.in_flight.size() - actor.unsent;
    set_unsent(actor, actor.unsent - 1);
    const ActorLine::CallInFlight& call = actor.in_flight[next];
    if (!call.result || !call.again) continue;
    const std::vector<std::string_view> arguments(call.again->arguments.begin(), call.again->arguments.end());
    send_by_link(actor, actor.first_in_flight() + next, call.again->method, arguments);
  }
}

}  // namespace troupe
