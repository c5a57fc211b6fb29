#include "scheduler/simulation/sync_witness.h"

#include <algorithm>
#include <vector>

#include "scheduler/sync/describe.h"
#include "scheduler/sync/invariants.h"

namespace troupe::scheduler::sim {

void SyncWitness::scheduler_started(std::uint32_t number, std::uint32_t epoch, const StoredQueues& queues,
                                    bool has_the_epoch) {
  // What was not durable is gone with the scheduler before, and its clients know it.
  View& view = views_[number] = {.epoch = epoch};
  for (const auto& [name, queue] : queues)
    for (const auto& [message_number, message] : queue.messages) view.number_of[message.body] = message_number;
  if (has_the_epoch) check_messages(queues, accepted_);
}

void SyncWitness::saw(std::uint32_t number, const Event& event, const Effects& effects, const Scheduler& scheduler) {
  View& view = views_.at(number);
  if (const auto* requested = std::get_if<SyncRequested>(&event)) {
    for (const auto& request : requested->requests) {
      view.asked.try_emplace({requested->driver, request.number}, request.operation);
      const auto* acknowledge = std::get_if<sync::Acknowledge>(&request.operation);
      if (acknowledge == nullptr) continue;
      if (const auto found = delivered_.find(acknowledge->token); found != delivered_.end())
        witness_.counts.messages += acknowledged_.insert(found->second).second ? 1 : 0;
    }
  }
  if (const auto* submitted = std::get_if<TasksSubmitted>(&event)) {
    for (const auto& spec : submitted->tasks) {
      if (spec.locks.empty() && spec.semaphores.empty()) continue;
      auto& wanted = wanted_by_.try_emplace(spec.id).first->second;
      wanted.clear();
      for (const auto& name : spec.locks) wanted.emplace_back(sync::Kind::lock, name);
      for (const auto& need : spec.semaphores) wanted.emplace_back(sync::Kind::semaphore, need.name);
    }
  }
  for (const auto& effect : effects)
    if (const auto* saved = std::get_if<SaveMessage>(&effect); saved != nullptr && saved->message)
      check_number(view, saved->queue, saved->message->body, saved->number);
  // Those of one step in the order of their tokens: an effect has the answers of one client.
  struct Given {
    sync::Token token;
    Asked asked;
    const sync::Answer* answer = nullptr;        // Of a client.
    const std::vector<Name>* to_task = nullptr;  // Or what a task holds.
  };
  std::vector<Given> given;
  for (const auto& effect : effects) {
    if (const auto* answers = std::get_if<AnswerSync>(&effect))
      for (const auto& answer : answers->answers)
        given.push_back({answer.token, {answers->driver, answer.request}, &answer});
    const auto* run = std::get_if<RunTask>(&effect);
    const auto wanted = run == nullptr ? wanted_by_.end() : wanted_by_.find(run->task);
    // One that an earlier scheduler gave has its token from there.
    if (wanted == wanted_by_.end() || run->attempt.epoch != view.epoch) continue;
    if (!view.started.emplace(run->task, run->attempt).second) continue;
    if (const auto order = scheduler.order(run->task, run->attempt))
      given.push_back({.token = order->token, .asked = {}, .to_task = &wanted->second});
  }
  std::stable_sort(given.begin(), given.end(), [](const auto& a, const auto& b) { return a.token < b.token; });
  for (const auto& [token, asked, answer, to_task] : given) {
    if (to_task != nullptr) {
      for (const Name& name : *to_task) check_token(view, name, token);
      continue;
    }
    const auto operation = view.asked.find(asked);
    if (operation == view.asked.end()) {
      witness_.breaks("18: an answer to a request that nobody made");
    } else {
      check_grant(view, asked, operation->second, *answer);
    }
  }
  if (auto broken = broken_sync_invariant(scheduler.synchronisation()); !broken.empty())
    witness_.breaks(std::move(broken));
}

void SyncWitness::check_grant(View& view, const Asked& asked, const sync::Operation& operation,
                              const sync::Answer& answer) {
  if (const auto* arrive = std::get_if<sync::Arrive>(&operation);
      arrive != nullptr && answer.outcome == sync::Outcome::done) {
    auto& passed = passed_[{arrive->name, answer.token}];
    passed.insert(asked.first);
    if (passed.size() > arrive->parties)
      witness_.breaks("18: more pass a round of '" + arrive->name + "' than are its parties");
  }
  if (witness_.nothing_goes_wrong && answer.outcome == sync::Outcome::lost && view.granted.contains(asked) &&
      !gone_.contains(asked.first))
    witness_.breaks("Q: a claim is lost where nothing goes wrong");
  if (answer.outcome != sync::Outcome::granted) return;

  const auto* acquire = std::get_if<sync::Acquire>(&operation);
  const auto* receive = std::get_if<sync::Receive>(&operation);
  const auto [known, is_new] = view.granted.try_emplace(asked, answer.token);
  if (!is_new) {
    if (known->second != answer.token) witness_.breaks("18: one request is carried out twice");
    return;
  }
  ++witness_.counts.grants;
  const bool claims_again = (acquire != nullptr && acquire->held != 0) || (receive != nullptr && receive->held != 0);
  const auto [holder, is_first] = holder_of_.try_emplace(answer.token, asked.first);
  if (is_first == claims_again || holder->second != asked.first)
    witness_.breaks("8: token " + token_text(answer.token) + " is granted twice");
  if (acquire != nullptr && !claims_again) check_token(view, {acquire->kind, acquire->name}, answer.token);
  if (receive != nullptr) check_delivery(view, *receive, answer);
}

void SyncWitness::check_token(View& view, const Name& name, sync::Token token) {
  sync::Token& last = view.last_token[name];
  if (token >> token_counter_bits != view.epoch)
    witness_.breaks("8: token " + token_text(token) + " is of another scheduler's epoch");
  if (token <= last)
    witness_.breaks("8: '" + name.second + "' is granted under token " + token_text(token) + " after " +
                    token_text(last));
  last = token;
}

/// Each request to send has put one message there.
void SyncWitness::check_number(View& view, const std::string& queue, const Bytes& body, std::uint64_t number) {
  const auto [known, is_new] = view.number_of.try_emplace(body, number);
  if (!is_new && known->second != number) witness_.breaks("1: message " + body + " of '" + queue + "' is doubled");
}

void SyncWitness::check_delivery(View& view, const sync::Receive& receive, const sync::Answer& answer) {
  const std::string queue = Queues::queue_of(receive.queue);
  delivered_[answer.token] = {queue, answer.body};
  check_number(view, queue, answer.body, answer.message);
  if (answer.deliveries > 1 || receive.held != 0 || Queues::is_dead_line(receive.queue)) return;
  std::uint64_t& last = view.last_first_delivery[queue];
  if (answer.message < last) witness_.breaks("18: a message of '" + queue + "' is passed by a later one");
  last = answer.message;
}

void SyncWitness::sent(std::uint32_t number, const Effect& effect) {
  const auto* answers = std::get_if<AnswerSync>(&effect);
  if (answers == nullptr) return;
  View& view = views_.at(number);
  for (const auto& answer : answers->answers) {
    const auto operation = view.asked.find({answers->driver, answer.request});
    if (operation == view.asked.end() || answer.outcome != sync::Outcome::done) continue;
    const auto* send = std::get_if<sync::Send>(&operation->second);
    if (send != nullptr) (send->durable ? accepted_ : view.accepted).emplace(send->queue, send->body);
  }
}

void SyncWitness::used(const std::string& lock, sync::Token token, DriverId by) {
  sync::Token& last = last_write_[lock];
  if (token < last) return;  // Refused: that is what tokens are for.
  last = token;
  if (const auto holder = holder_of_.find(token); holder == holder_of_.end() || holder->second != by)
    witness_.breaks("8: '" + lock + "' is written to under another's token");
}

void SyncWitness::check_messages(const StoredQueues& queues, const std::set<Message>& accepted) {
  std::set<Message> there;
  for (const auto& [name, queue] : queues)
    for (const auto& [number, message] : queue.messages)
      if (!there.emplace(name, message.body).second)
        witness_.breaks("1: message " + message.body + " of '" + name + "' is there twice");
  for (const auto& each : accepted)
    if (!acknowledged_.contains(each) && !there.contains(each))
      witness_.breaks("18: message " + each.second + " of '" + each.first + "' is nowhere");
}

void SyncWitness::check_the_end(std::uint32_t number, const Scheduler& scheduler) {
  const Synchronisation& sync = scheduler.synchronisation();
  StoredQueues queues;
  for (const auto& [name, queue] : sync.queues().queues())
    for (const auto& [message_number, message] : queue.messages)
      queues[name].messages.emplace(message_number, message.stored);
  check_messages(queues, accepted_);
  check_messages(queues, views_.at(number).accepted);
}

}  // namespace troupe::scheduler::sim
