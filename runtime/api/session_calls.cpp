// The calls of a session: straight to the actors' workers, by rings where they are on this node, else by frames.
//
// Whoever waits takes the answers from the rings himself, for a moment; then the session's thread does, which sleeps
// until it is rung, or, while nobody waits, looks every millisecond.
#include <algorithm>
#include <utility>

#include "runtime/api/session_core.h"
#include "runtime/ring/spin.h"
#include "runtime/wire/call_records.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds longest_gathering{1};
constexpr std::chrono::milliseconds first_ask_pause{20};
constexpr const char* not_known_to_be_applied = "not known to have been applied: ";

}  // namespace

// --- what the user's threads call ------------------------------------------------------------------------------------

ObjectPtr SessionCore::call(const std::shared_ptr<ActorLine>& actor, const CallOptions& options, std::string method,
                            std::vector<RawArgument> arguments) {
  arguments = take_arguments(std::move(arguments), actor->restart == RestartMode::logged);
  std::unique_lock lock(mutex_);
  auto object = std::make_shared<Object>(actor->task, actor->name, method);
  set_deadline(object, options.deadline);
  if (actor->is_full()) take_answers();
  if (actor->is_full()) {
    const std::string cause = "not run: " + std::to_string(actor->max_pending_calls) +
                              " calls wait for their answers, as many as its max_pending_calls allows";
    finish(object, failure_of_call(*actor, Fault::refused, *object, cause));
    return object;
  }
  const std::uint32_t retries = actor->restart == RestartMode::none ? options.retries.value_or(actor->call_retries) : 0;
  actor->waiting.push_back({std::move(method), std::move(arguments), object, retries});
  ++waiting_calls_;
  const bool has_rings = actor->link != nullptr && actor->link->ring;
  if (actor->ended) {
    fail_waiting_calls(*actor);
  } else if (has_rings && lost_.empty()) {
    pump(*actor);
  }
  if (!has_rings) wake();
  lock.unlock();
  note_begun(object);
  return object;
}

/// One that has not left is taken back; the worker of one that has is told.
void SessionCore::cancel_call(const ObjectPtr& call) {
  const auto found = actors_.find(call->called());
  if (found == actors_.end()) return;
  ActorLine& actor = *found->second;
  const auto waits = std::find_if(actor.waiting.begin(), actor.waiting.end(),
                                  [&](const ActorLine::PendingCall& each) { return each.result == call; });
  if (waits != actor.waiting.end()) {
    const bool was_sent = waits->was_sent;
    actor.waiting.erase(waits);
    --waiting_calls_;
    finish(call, Failure{Fault::cancelled, call->name(), {}, 0, was_sent ? "cancelled" : "not run: cancelled"});
    return wake();  // Those behind it may have waited for its arguments only.
  }
  if (actor.restart != RestartMode::none) return;
  const std::uint64_t at = call->call_number - actor.first_in_flight();
  if (at < actor.in_flight.size() && actor.in_flight[at].result == call) actor.in_flight[at].retry.reset();
  calls_to_end_.push_back(call);
  wake();
}

/// By whoever talks.
void SessionCore::send_cancel(const Object& call) {
  const auto found = actors_.find(call.called());
  if (found == actors_.end()) return;
  const ActorLine& actor = *found->second;
  if (actor.link == nullptr || actor.link->is_gone || call.call_number < actor.first_in_flight()) return;
  // Under that number another may have left since, to another incarnation.
  const std::uint64_t at = call.call_number - actor.first_in_flight();
  if (at >= actor.in_flight.size() || actor.in_flight[at].result.get() != &call) return;
  WorkerLink& link = *actor.link;
  if (!link.peer)
    if (const auto peer = transport_->connect(link.address)) link.peer = *peer;
  if (!link.peer) return;
  post(*link.peer, message::CancelCall{actor.task, actor.attempt, link.caller, call.call_number});
}

void SessionCore::release_actor(const std::shared_ptr<ActorLine>& actor) {
  const std::lock_guard lock(mutex_);
  if (--actor->handles > 0) return;
  released_.insert(actor->task);
  wake();
}

std::shared_ptr<ActorLine> SessionCore::attach(TaskId actor, std::string name, RestartMode restart) {
  const std::lock_guard lock(mutex_);
  if (const auto known = actors_.find(actor); known != actors_.end()) {
    ++known->second->handles;
    released_.erase(actor);
    return known->second;
  }
  auto line = std::make_shared<ActorLine>();
  line->task = actor;
  line->name = std::make_shared<const std::string>(std::move(name));
  line->is_borrowed = true;
  line->restart = restart;
  if (lost_.empty()) {
    actors_.emplace(actor, line);
    ask_at_ = {};
    wake();
  } else {
    end_actor(*line, Fault::unavailable, lost_);
  }
  return line;
}

ObjectPtr SessionCore::monitor(ActorLine& actor) {
  const std::lock_guard lock(mutex_);
  auto end = actor.monitor.lock();
  if (end != nullptr) return end;
  end = std::make_shared<Object>("the end of " + *actor.name, std::nullopt);
  actor.monitor = end;
  if (actor.ended) {
    tell_monitor(actor);
  } else if (actor.is_borrowed) {
    ask_at_ = {};
    wake();
  }
  return end;
}

bool SessionCore::take_answers_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& are_there,
                                     Clock::time_point deadline) {
  ++spinning_;
  bell_->stay_awake();
  bool there = false;
  bool came = true;
  while (came && !there && Clock::now() < deadline) {
    came = spin_until([&] {
      lock.unlock();
      lock.lock();
      return has_answers();
    });
    if (came) take_answers();
    there = are_there();
  }
  --spinning_;
  if (!is_timed_) watch_rings();
  return there;
}

// --- rings -----------------------------------------------------------------------------------------------------------

bool SessionCore::has_answers() const {
  return std::any_of(links_.begin(), links_.end(), [](const auto& each) {
    const WorkerLink& link = each.second;
    return link.ring && link.unanswered > 0 && (link.ring->has_more() || link.ring->can_flush());
  });
}

void SessionCore::take_answers() {
  bool has_room = false;
  for (auto& [address, link] : links_) {
    if (!link.ring) continue;
    bool took_any = false;
    while (const auto bytes = link.ring->receive()) {
      took_any = true;
      if (auto answer = decode_answer(*bytes)) on_call_answer(*answer);
    }
    if (took_any) link.ring->give_room();
    if (link.ring->is_broken()) link.ring->give_up();
    if (link.ring->kept_bytes() == 0) continue;
    has_room = link.ring->flush() || has_room;
  }
  if (has_room && waiting_calls_ > 0) pump_rings();
  if (!has_news_) return;
  // What waits for values that have come, and actors that were only to answer.
  if (waiting_calls_ > 0 || !unsent_.empty() || !released_.empty()) wake();
  if (parked_ > 0) changed_.notify_all();
}

void SessionCore::watch_rings() {
  if (unanswered_ == 0 || spinning_ > 0) return;
  bell_->fall_asleep();
  take_answers();
}

/// On the session's thread: when it is to look again. While nobody waits for them answers gather, and calls go out
/// without a wake for each.
Clock::time_point SessionCore::look_at_rings(Clock::time_point now) {
  is_timed_ = false;
  if (!bell_) return Clock::time_point::max();
  bell_->clear();
  const std::size_t before = unanswered_;
  take_answers();
  is_timed_ = unanswered_ > 0 && parked_ == 0 && spinning_ == 0 && unanswered_ < before;
  is_timed_ ? bell_->stay_awake() : watch_rings();
  return is_timed_ ? now + longest_gathering : Clock::time_point::max();
}

/// On the session's thread: asks where they are, until there is a ring to them, which breaks when they go, and as long
/// as somebody wants to hear of their end: of an actor that shared its worker the ring stays. Answers with when it asks
/// next.
Clock::time_point SessionCore::ask_for_borrowed(Clock::time_point now) {
  bool asks = false;
  for (const auto& [id, actor] : actors_) {
    const WorkerLink* link = actor->link;
    const bool has_ring = link != nullptr && link->ring && !link->is_gone;
    if (!actor->is_borrowed || actor->ended || (has_ring && actor->monitor.expired())) continue;
    if (welcomed_ && now >= ask_at_) post(scheduler_, message::AskActor{id});
    asks = true;
  }
  if (!asks) return Clock::time_point::max();
  if (now >= ask_at_) {
    ask_pause_ = ask_at_ == Clock::time_point{} ? first_ask_pause : std::min(2 * ask_pause_, options_.heartbeat);
    ask_at_ = now + ask_pause_;
  }
  return ask_at_;
}

void SessionCore::end_actor(ActorLine& actor, Fault fault, const std::string& cause) {
  if (!std::exchange(actor.ended, true)) actor.end = {fault, cause};  // What is told of it does not change.
  fail_calls_in_flight(actor, actor.fault_of_calls(), cause);
  leave_link(actor);
  fail_waiting_calls(actor);
  tell_monitor(actor);
}

void SessionCore::tell_monitor(ActorLine& actor) {
  if (const auto monitor = actor.monitor.lock(); monitor != nullptr && !monitor->is_ready())
    finish(monitor, encode_value(actor.end));
}

// --- calls and their answers -----------------------------------------------------------------------------------------

void SessionCore::pump_rings() {
  for (auto& [id, actor] : actors_)
    if (actor->has_to_send() && actor->link != nullptr && actor->link->ring) pump(*actor);
}

void SessionCore::pump(ActorLine& actor) {
  send_again(actor);
  while (may_send(actor) && !actor.waiting.empty()) {
    auto& call = actor.waiting.front();
    remake_lost(call.arguments);
    std::size_t bytes = 0;
    std::vector<std::string_view> arguments;
    arguments.reserve(call.arguments.size());
    for (const auto& argument : call.arguments) {
      const Bytes* value = bytes_of(argument);
      if (value == nullptr) break;
      arguments.push_back(*value);
      bytes += value->size();
    }
    if (const Object* failed = arguments.size() < call.arguments.size() ? first_failed(call.arguments) : nullptr) {
      finish(call.result, failure_of_input(call.result->name(), *failed));
    } else if (arguments.size() < call.arguments.size()) {
      return;  // Later calls wait too: they run in the order in which they were made.
    } else if (bytes > most_inline_bytes) {
      finish(call.result, Failure{Fault::bad_input, call.result->name(), {}, 0, arguments_too_large(bytes)});
    } else {
      send_call(actor, call, arguments);
    }
    actor.waiting.pop_front();
    --waiting_calls_;
  }
}

void SessionCore::send_call(ActorLine& actor, ActorLine::PendingCall& call,
                            std::span<const std::string_view> arguments) {
  call.result->call_number = ++actor.last_number;
  auto& in_flight = actor.in_flight.emplace_back(ActorLine::CallInFlight{std::move(call.result)});
  for (const auto& argument : call.arguments)
    if (const auto* object = std::get_if<ObjectPtr>(&argument);
        object != nullptr && ((*object)->hold || (*object)->inside))
      in_flight.held.push_back(*object);
  if (actor.restart == RestartMode::logged)
    in_flight.again = std::make_unique<const ActorLine::SentCall>(
        ActorLine::SentCall{call.method, {arguments.begin(), arguments.end()}});
  send_by_link(actor, actor.last_number, call.method, arguments);
  if (call.retries == 0) return;
  call.result = {};
  in_flight.retry = std::make_unique<ActorLine::PendingCall>(std::move(call));
}

void SessionCore::send_by_link(ActorLine& actor, std::uint64_t number, std::string_view method,
                               std::span<const std::string_view> arguments) {
  WorkerLink& link = *actor.link;
  const auto open = static_cast<std::uint32_t>(number == 0 ? 0 : number + 1 - actor.first_in_flight());
  if (!link.ring) {
    // With a RestartMode a caller is the same over all its links.
    const std::uint64_t caller = actor.restart == RestartMode::none ? link.caller : driver_.value;
    message::Call message{actor.task, actor.attempt, caller, number, std::string(method), {}, open};
    message.arguments.assign(arguments.begin(), arguments.end());
    return post(*link.peer, message);
  }
  ++link.unanswered;
  ++unanswered_;
  if (spinning_ == 0 && !is_timed_ && !bell_->is_asleep()) bell_->fall_asleep();
  troupe::send(*link.ring, CallView{actor.task, actor.attempt, number, method, arguments, open});
}

void SessionCore::on_call_answer(message::CallAnswer& answer) {
  const auto found = actors_.find(answer.actor);
  if (found == actors_.end()) return;
  ActorLine& actor = *found->second;
  if (answer.attempt != actor.attempt) return;  // One that lived in the same worker before.
  if (answer.is_gone) {
    gone_.push_back({answer.actor, answer.attempt, {.message = std::move(answer.error)}});
    return wake();
  }
  if (answer.number == 0) {
    kept_.push_back(std::move(answer));
    return wake();
  }
  const std::uint64_t first = actor.first_in_flight();
  if (answer.number < first || answer.number > actor.last_number) return;
  const ObjectPtr result = std::exchange(actor.in_flight[answer.number - first], {}).result;
  if (!result) return;
  while (!actor.in_flight.empty() && !actor.in_flight.front().result) actor.in_flight.pop_front();
  if (actor.unsent > actor.in_flight.size()) set_unsent(actor, actor.in_flight.size());
  if (actor.link != nullptr) actor.link->tries = 0;
  count_answered(actor, 1);
  if (answer.ok) {
    finish(result, std::move(answer.value));
  } else {
    const Fault fault = answer.is_cancelled ? Fault::cancelled : Fault::task_failed;
    Failure failure = failure_of_call(actor, fault, *result, std::move(answer.error));
    failure.exception = std::move(answer.exception);
    finish(result, std::move(failure));
  }
}

void SessionCore::count_answered(ActorLine& actor, std::size_t count) {
  if (actor.link == nullptr || !actor.link->ring) return;
  actor.link->unanswered -= count;
  unanswered_ -= count;
}

void SessionCore::on_actor_up(const message::ActorUp& up) {
  const auto found = actors_.find(up.task);
  if (found == actors_.end()) return;
  ActorLine& actor = *found->second;
  if (actor.attempt == up.attempt && actor.link != nullptr) return;
  if (up.attempt < actor.attempt) return;
  lose_calls_in_flight(actor, Fault::peer_lost, "the actor was restarted");
  leave_link(actor);
  actor.attempt = up.attempt;
  actor.node = up.node;
  actor.link = link_to(up.address);
  if (actor.restart != RestartMode::none) return ask_what_is_kept(actor);
  const auto before = actor.link->let_go.extract({actor.task, actor.attempt});
  actor.last_number = before ? before.mapped() : 0;
}

void SessionCore::on_actor_down(const message::ActorDown& down) {
  const auto found = actors_.find(down.task);
  if (found == actors_.end() || found->second->attempt != down.attempt) return;
  lose_calls_in_flight(*found->second, Fault::peer_lost, down.cause.message);
  leave_link(*found->second);
}

Failure SessionCore::failure_of_call(const ActorLine& actor, Fault fault, const Object& call, std::string cause) {
  return {fault, call.name(), actor.node, actor.attempt.number, std::move(cause)};
}

/// Those that may be made again wait before all others.
void SessionCore::fail_calls_in_flight(ActorLine& actor, Fault fault, const std::string& cause) {
  uncount_calls_in_flight(actor);
  auto in_flight = std::exchange(actor.in_flight, {});
  for (auto call = in_flight.rbegin(); call != in_flight.rend(); ++call) {
    if (!call->result || !call->retry || actor.ended) continue;
    call->retry->result = std::exchange(call->result, {});
    --call->retry->retries;
    call->retry->was_sent = true;
    actor.waiting.push_front(std::move(*call->retry));
    ++waiting_calls_;
  }
  for (const auto& call : in_flight)
    if (call.result) finish(call.result, failure_of_call(actor, fault, *call.result, not_known_to_be_applied + cause));
  set_unsent(actor, 0);
}

void SessionCore::fail_waiting_calls(ActorLine& actor) {
  waiting_calls_ -= actor.waiting.size();
  for (auto& call : std::exchange(actor.waiting, {}))
    finish(call.result, failure_of_call(actor, actor.fault_of_calls(), *call.result,
                                        (call.was_sent ? not_known_to_be_applied : "not run: ") + actor.end.cause));
}

}  // namespace troupe
