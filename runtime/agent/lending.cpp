// A task that waits for other work lends its cpus: what it waits for may need them.
//
// Its worker returns what it was given behind it, and takes nothing more meanwhile: all that would wait too. When the
// task goes on, it does so at once. Where its cpus have been taken they are owed to it, and nothing is started here
// until it has them back: for so long more may run than there are cpus for. To hold it until there is room might hold
// it for ever, behind an actor. The scheduler learns who waits from heartbeats, of which one follows soon.
#include <algorithm>

#include "runtime/agent/agent_core.h"

namespace troupe {

using namespace agent;

namespace {

// Before the scheduler is told: several tasks often begin to wait together, and one heartbeat tells of all.
constexpr Time telling_delay{2};

}  // namespace

void AgentCore::on(const TaskWaits& told) {
  take_returned(told);
  note_wait({told.task, told.attempt}, attempt_of(told.worker, {told.task, told.attempt}), told.waits);
  start_what_fits();
}

void AgentCore::note_wait(Key key, Attempt* attempt, bool waits) {
  if (attempt == nullptr || !std::holds_alternative<FunctionWork>(attempt->order.work))
    return ignore("the worker does not run that task");
  if (attempt->order.grant.cpus == 0 || settings_.planted == Planted::cpus_kept_while_waiting) return;
  const bool is_one_too_many = waits && attempt->cpus != GrantedCpus::lent && lending_ == settings_.most_lending;
  if (is_one_too_many) return keep_cpus(key, *attempt);
  attempt->keeps_cpus_since.reset();
  if (waits == (attempt->cpus == GrantedCpus::lent)) return;
  if (waits) {
    if (attempt->cpus == GrantedCpus::held) ledger_.give_back({.cpus = attempt->order.grant.cpus});
    std::erase(owed_, key);
    attempt->cpus = GrantedCpus::lent;
    ++lending_;
    has_lent_ = true;
  } else {
    if (settings_.planted == Planted::lent_cpus_never_taken_again) return;
    --lending_;
    attempt->cpus = GrantedCpus::owed;
    owed_.push_back(key);
  }
  if (early_beat_ == Time::max()) early_beat_ = timer_at(now_ + telling_delay);
}

/// It says so again while it waits. Where all tasks do, that may be for ever, and somebody has to learn of it.
void AgentCore::keep_cpus(Key key, Attempt& attempt) {
  if (attempt.phase != Attempt::Phase::running) return;
  if (!attempt.keeps_cpus_since) attempt.keeps_cpus_since = now_;
  const auto runs = [this](const auto& entry) {
    const Attempt& other = entry.second;
    const bool waits = other.phase == Attempt::Phase::running && other.worker != 0 && workers_.at(other.worker).waits;
    return other.has_process() && !std::holds_alternative<ActorWork>(other.order.work) && !waits;
  };
  if (std::any_of(attempts_.begin(), attempts_.end(), runs)) attempt.keeps_cpus_since = now_;
  if (now_ - *attempt.keeps_cpus_since < settings_.lending_patience) return;
  end_early(
      key, attempt,
      {.end = AttemptEnd::failed,
       .cause = {.message = "it waited for other work, as every task of its node did; " + std::to_string(lending_) +
                            " have lent their cpus, and no more may: let fewer tasks wait at once, or need no cpus"}});
}

/// They wait for room again, in front of what came later. An order that is still on its way to the worker stays in its
/// line: the worker returns it later, or begins it.
void AgentCore::take_returned(const TaskWaits& told) {
  const auto worker = workers_.find(told.worker);
  if (worker == workers_.end()) return;
  worker->second.waits = told.waits;
  std::deque<Key>& line = worker->second.attempts;
  std::deque<Key> returned;
  for (const Key& key : line) {
    const bool is_named = std::find(told.returned.begin(), told.returned.end(), key) != told.returned.end();
    if (is_named && attempts_.at(key).phase == Attempt::Phase::given) returned.push_back(key);
  }
  for (const Key& key : returned) std::erase(line, key);
  // What is still on its way there, and awaits one of them, might have to begin before it.
  const auto is_returned = [&](const Awaited& each) {
    return std::find(returned.begin(), returned.end(), Key{each.task, each.attempt}) != returned.end();
  };
  for (const Key& key : std::deque<Key>(line)) {
    Attempt& left = attempts_.at(key);
    if (!left.verdict && std::any_of(left.order.awaits.begin(), left.order.awaits.end(), is_returned))
      end_early(key, left, not_here());
  }
  worker->second.given -= returned.size();
  put_back(returned, "the task that it was given behind waits");
}

/// False: some is still owed.
bool AgentCore::take_what_is_owed() {
  for (; !owed_.empty(); owed_.pop_front()) {
    Attempt& attempt = attempts_.at(owed_.front());
    if (!ledger_.take_exactly({.cpus = attempt.order.grant.cpus})) return false;
    attempt.cpus = GrantedCpus::held;
  }
  return true;
}

void AgentCore::start_what_needs_no_cpus() {
  for (auto each = queue_.begin(); each != queue_.end();) {
    const Key key = *each;
    Attempt& attempt = attempts_.at(key);
    const bool starts = attempt.order.grant.cpus == 0 && ledger_.take_exactly(attempt.order.grant);
    each = starts ? queue_.erase(each) : each + 1;
    if (starts) start(key, attempt);
  }
}

/// Its room was lent, and has been taken back since it was ordered: there may be other.
void AgentCore::give_back_what_found_no_room() {
  if (!has_lent_) return;
  for (const Key& key : std::deque<Key>(queue_)) {
    Attempt& attempt = attempts_.at(key);
    if (attempt.phase == Attempt::Phase::queued && now_ - attempt.queued_at >= settings_.awaiting_patience)
      end_early(key, attempt, {.end = AttemptEnd::preempted, .cause = {.message = "the room for it was only lent"}});
  }
}

}  // namespace troupe
