#include "scheduler/sync/synchronisation.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace troupe::scheduler {

using sync::Kind;
using sync::Outcome;
using sync::Token;

namespace {

bool wants_one(const TaskSpec& spec) { return spec.locks.size() + spec.semaphores.size() == 1; }

}  // namespace

Synchronisation::Synchronisation(SyncSettings settings, std::uint32_t epoch, const StoredQueues& stored, SyncTime now)
    : settings_(settings),
      now_(now),
      grants_from_(epoch > 1 ? now + settings.grace : now),
      is_in_grace_(epoch > 1),
      claims_(settings.planted == Planted::token_restarts_with_scheduler ? 1 : epoch),
      barriers_(epoch > 1) {
  for (const auto& [name, queue] : stored) {
    queues_.ensure(name, queue.options);
    for (const auto& [number, message] : queue.messages) {
      queues_.put(name, number, message);
      if (settings.planted != Planted::sent_before_forgotten_at_restart)
        sent_before_.emplace(message.sender, message.request);
    }
  }
}

void Synchronisation::take(SyncTime now, const Holder& holder, const std::vector<sync::Request>& requests,
                           std::uint64_t confirmed_below, bool makes_durable) {
  now_ = now;
  const DriverId client = holder.client;
  kept_.meet(client);
  kept_.confirm(client, confirmed_below);
  for (const auto& request : requests) {
    if (const Token open = claims_.of_request(client, request.number)) {
      answer_again(open);
      continue;
    }
    if (settings_.planted != Planted::late_duplicate_carried_out) {
      if (const sync::Answer* kept = kept_.find(client, request.number)) {
        out_.answers.emplace_back(client, *kept);
        continue;
      }
      const auto age = kept_.age_of(client, request.number);
      if (age == KeptAnswers::Age::confirmed) continue;
      if (age == KeptAnswers::Age::too_old) {
        out_.answers.emplace_back(client, sync::Answer{.request = request.number,
                                                       .outcome = Outcome::refused,
                                                       .refusal = "the answer is not kept any more"});
        continue;
      }
    }
    carry_out({holder, request.number, makes_durable}, request.operation);
  }
}

void Synchronisation::client_left(SyncTime now, DriverId client) {
  now_ = now;
  kept_.forget(client);
  for (const Token token : claims_.of_client(client)) end(token, Ending::given_back);
  for (const auto& queue : queues_.drop_opener(client)) forget_if_unused(queue);
}

void Synchronisation::attempt_over(SyncTime now, TaskId task, AttemptId attempt) {
  now_ = now;
  for (const Token token : claims_.of_attempt(task, attempt)) end(token, Ending::lost);
}

void Synchronisation::tick(SyncTime now) {
  now_ = now;
  if (is_in_grace_ && now >= grants_from_) {
    is_in_grace_ = false;
    barriers_.forget_unused();
    out_.is_grace_over = true;
    for (const Kind kind : {Kind::lock, Kind::semaphore}) {
      std::vector<std::string> names;
      for (const auto& [name, pool] : permits_of(kind).pools()) names.push_back(name);
      for (const auto& name : names) serve(kind, name);
    }
    std::vector<std::string> names;
    for (const auto& [name, queue] : queues_.queues()) names.push_back(name);
    for (const auto& name : names) {
      serve_line(name);
      serve_line(name + ".dead");
      forget_if_unused(name);
    }
  }
  if (now < spared_until_) return;
  // The end of one may be the beginning of another whose wait was due: that has a lease then.
  for (const Token token : claims_.due(now))
    if (const Claim* claim = claims_.find(token); claim != nullptr && claim->until <= now) end(token, Ending::lost);
}

std::optional<SyncTime> Synchronisation::next_timer() const {
  std::optional<SyncTime> next = claims_.next_end();
  if (next) next = std::max(*next, spared_until_);
  if (is_in_grace_) next = std::min(next.value_or(grants_from_), grants_from_);
  return next;
}

// --- tasks that hold locks while they run ----------------------------------------------------------------------------

bool Synchronisation::may_task_take(const TaskSpec& spec, Kind kind, const std::string& name,
                                    std::uint32_t capacity) const {
  const Permits& permits = permits_of(kind);
  if (is_in_grace_ || !permits.are_free(name, capacity, 1)) return false;
  const auto turn = turns_of_tasks_.find({kind, name});
  const bool has_turn = turn != turns_of_tasks_.end() && turn->second != 0 && wants_one(spec);
  return has_turn || !permits.has_line(name);
}

std::optional<Synchronisation::PermitName> Synchronisation::first_lacking(const TaskSpec& spec) const {
  for (const auto& name : spec.locks)
    if (!may_task_take(spec, Kind::lock, name, 1)) return PermitName{Kind::lock, name};
  for (const auto& need : spec.semaphores)
    if (!may_task_take(spec, Kind::semaphore, need.name, need.permits)) return PermitName{Kind::semaphore, need.name};
  return std::nullopt;
}

void Synchronisation::queue_tasks(const PermitName& name, std::uint32_t capacity) {
  if (is_in_grace_) return;
  // Where others say that it has another capacity, the tasks wait until it is forgotten.
  const Permits::Pool* pool = permits_of(name.first).find(name.second);
  if (tasks_in_line_.contains(name) || (pool != nullptr && pool->capacity != capacity)) return;
  const Token token = claims_.add({.kind = name.first, .name = name.second, .holder = {}, .client = {}});
  tasks_in_line_.emplace(name, token);
  permits_of(name.first).join(name.second, capacity, token);
}

bool Synchronisation::is_free_for_tasks(const PermitName& name) const {
  const Permits::Pool* pool = permits_of(name.first).find(name.second);
  if (is_in_grace_ || pool == nullptr) return !is_in_grace_;
  const auto turn = turns_of_tasks_.find(name);
  return pool->free > 0 && (pool->waiting.empty() || (turn != turns_of_tasks_.end() && turn->second != 0));
}

void Synchronisation::unqueue_tasks(const PermitName& name) {
  if (!tasks_in_line_.contains(name)) return;
  take_tasks_off_line(name);
  serve(name.first, name.second);
}

void Synchronisation::take_tasks_off_line(const PermitName& name) {
  const Token token = tasks_in_line_.extract(name).mapped();
  permits_of(name.first).leave(name.second, token, 1);
  claims_.erase(token);
}

void Synchronisation::end_turns_of_tasks() {
  for (const auto& [name, token] : std::exchange(turns_of_tasks_, {})) serve(name.first, name.second);
}

std::string Synchronisation::why_not(const TaskSpec& spec) const {
  const auto lacking = first_lacking(spec);
  if (!lacking) return {};
  if (is_in_grace_) return "locks are granted again once all who may hold one have had time to say so";
  const auto& [kind, name] = *lacking;
  return kind == Kind::lock ? "lock '" + name + "' is held" : "semaphore '" + name + "' has no free permit";
}

Token Synchronisation::take_all(const TaskSpec& spec, AttemptId attempt) {
  const bool is_new_token = settings_.planted == Planted::turn_of_tasks_under_a_new_token;
  Token last = 0;
  const auto take_one = [&](Kind kind, const std::string& name, std::uint32_t capacity) {
    if (!permits_of(kind).are_free(name, capacity, 1)) return;  // Named twice, or see take_again.
    const Claim claim{.kind = kind, .name = name, .holder = {{}, spec.id, attempt}, .client = {}, .is_held = true};
    const auto turn = turns_of_tasks_.find({kind, name});
    const Token theirs = turn == turns_of_tasks_.end() ? 0 : std::exchange(turn->second, 0);
    last = claims_.add(claim, wants_one(spec) && !is_new_token ? theirs : 0);
    permits_of(kind).take(name, capacity, last, 1);
  };
  for (const auto& name : spec.locks) take_one(Kind::lock, name, 1);
  for (const auto& need : spec.semaphores) take_one(Kind::semaphore, need.name, need.permits);
  return last;
}

bool Synchronisation::may_take_again(const TaskSpec& spec) const {
  const auto& locks = permits_of(Kind::lock);
  const auto& semaphores = permits_of(Kind::semaphore);
  return std::all_of(spec.locks.begin(), spec.locks.end(),
                     [&](const auto& name) { return locks.are_free(name, 1, 1); }) &&
         std::all_of(spec.semaphores.begin(), spec.semaphores.end(),
                     [&](const auto& need) { return semaphores.are_free(need.name, need.permits, 1); });
}

void Synchronisation::take_again(const TaskSpec& spec, AttemptId attempt) { (void)take_all(spec, attempt); }

Token Synchronisation::token_of(TaskId task, AttemptId attempt) const {
  Token last = 0;
  for (const Token token : claims_.of_attempt(task, attempt))
    if (!claims_.at(token).client) last = token;
  return last;
}

// --- granting --------------------------------------------------------------------------------------------------------

void Synchronisation::serve(Kind kind, const std::string& name) {
  if (kind == Kind::queue) return serve_line(name);
  if (kind == Kind::barrier || is_in_grace()) return;
  serve_permits(kind, name);
  const Permits::Pool* pool = permits_of(kind).find(name);
  if (pool == nullptr || (pool->free > 0 && pool->waiting.empty())) out_.freed.emplace(kind, name);
}

void Synchronisation::serve_permits(Kind kind, const std::string& name) {
  if (is_in_grace() || turns_of_tasks_.contains({kind, name})) return;
  Permits& permits = permits_of(kind);
  while (const Token token = permits.admit(name, claims_)) {
    const PermitName key{kind, name};
    const auto tasks = tasks_in_line_.find(key);
    if (tasks == tasks_in_line_.end() || tasks->second != token) {
      grant(token);
      continue;
    }
    take_tasks_off_line(key);
    out_.freed.insert(key);
    turns_of_tasks_.emplace(key, token);
    return;
  }
}

void Synchronisation::serve_line(const std::string& line) {
  if (is_in_grace()) return;
  while (const auto next = queues_.deliver_next(line)) {
    claims_.set_number(next->first, next->second);
    grant(next->first);
    if (settings_.planted == Planted::message_dropped_on_delivery) queues_.remove(Queues::queue_of(line), next->second);
  }
}

void Synchronisation::grant(Token token) {
  claims_.grant(token, now_ + claims_.at(token).lease);
  answer_again(token);
}

void Synchronisation::pass(const std::vector<Token>& arrived) {
  for (const Token token : arrived) {
    const Claim claim = claims_.at(token);
    claims_.erase(token);
    send_answer(claim.client, {.request = claim.request, .outcome = Outcome::done, .token = claim.number});
  }
}

sync::Answer Synchronisation::answer_of(Token token) const {
  const Claim& claim = claims_.at(token);
  sync::Answer answer{.request = claim.request, .outcome = Outcome::granted, .token = token};
  if (settings_.planted == Planted::same_token_granted_again && lost_last_ != 0) answer.token = lost_last_;
  if (claim.kind != Kind::queue) return answer;
  const Queues::Queue* queue = queues_.find(Queues::queue_of(claim.name));
  const auto message = queue->messages.find(claim.number);
  if (message == queue->messages.end()) return answer;
  answer.message = claim.number;
  answer.deliveries = message->second.stored.deliveries + 1;
  answer.body = message->second.stored.body;
  return answer;
}

void Synchronisation::answer_again(Token token) {
  const Claim& claim = claims_.at(token);
  if (claim.is_held) {
    out_.answers.emplace_back(claim.client, answer_of(token));
  } else if (claim.kind == Kind::barrier) {
    out_.answers.emplace_back(
        claim.client, sync::Answer{.request = claim.request, .outcome = Outcome::waiting, .token = claim.number});
  }
}

// --- endings ---------------------------------------------------------------------------------------------------------

void Synchronisation::end(Token token, Ending how) {
  const Claim* found = claims_.find(token);
  if (found == nullptr) return;
  const Claim claim = *found;
  const bool is_lost_permit =
      how == Ending::lost && claim.is_held && settings_.planted == Planted::permits_of_the_lost_kept;
  switch (claim.kind) {
    case Kind::lock:
    case Kind::semaphore:
      if (!is_lost_permit) permits_of(claim.kind).leave(claim.name, token, claim.permits);
      break;
    case Kind::barrier: barriers_.leave(claim.name, token); break;
    case Kind::queue: claim.is_held ? end_delivery(claim, how) : queues_.stop_waiting(claim.name, token); break;
  }
  claims_.erase(token);
  if (how == Ending::lost && claim.is_held && claim.kind == Kind::lock) lost_last_ = token;
  if (claim.client) {
    // Of what was held, the client need be told only where it did not end it itself.
    sync::Answer last{.request = claim.request,
                      .outcome = claim.is_held ? Outcome::lost : Outcome::timed_out,
                      .token = claim.is_held ? token : 0};
    if (claim.is_held && how != Ending::lost) {
      kept_.keep(claim.client, std::move(last));
    } else {
      send_answer(claim.client, std::move(last));
    }
  }
  serve(claim.kind, claim.name);
  if (claim.kind != Kind::queue) return;
  const std::string queue = Queues::queue_of(claim.name);
  if (claim.is_held && how != Ending::acknowledged && queue == claim.name) serve_line(queue + ".dead");
  forget_if_unused(queue);
}

void Synchronisation::end_delivery(const Claim& claim, Ending how) {
  const std::string name = Queues::queue_of(claim.name);
  const Queues::Queue* queue = queues_.find(name);
  if (!queue->messages.contains(claim.number)) return;
  if (how == Ending::acknowledged) {
    if (queue->options.durable) save(name, claim.number, nullptr);
    queues_.remove(name, claim.number);
  } else {
    const StoredMessage& message = queues_.put_back(name, claim.number);
    if (queue->options.durable) save(name, claim.number, &message);
  }
}

void Synchronisation::forget_if_unused(const std::string& name) {
  const Queues::Queue* queue = queues_.find(name);
  if (queue == nullptr) return;
  const bool is_durable = queue->options.durable;
  if (queues_.forget_if_unused(name) && is_durable) out_.saves.emplace_back(SaveQueue{name, std::nullopt});
}

void Synchronisation::save(const std::string& queue, std::uint64_t number, const StoredMessage* message) {
  out_.saves.emplace_back(
      SaveMessage{queue, number, message == nullptr ? std::nullopt : std::optional<StoredMessage>(*message)});
}

void Synchronisation::send_answer(DriverId client, sync::Answer answer) {
  if (!kept_.knows(client)) return;
  kept_.keep(client, answer);
  out_.answers.emplace_back(client, std::move(answer));
}

}  // namespace troupe::scheduler
