#include "scheduler/simulation/sync_witness.h"

#include <algorithm>
#include <vector>

#include "scheduler/sync/describe.h"
#include "scheduler/sync/invariants.h"

namespace troupe::scheduler::sim {

void SyncWitness::scheduler_started(const StoredQueues& queues) {
  granted_.clear();
  last_first_delivery_.clear();
  number_of_.clear();
  asked_.clear();
  // What was not durable is gone with the scheduler, and its clients know it.
  std::erase_if(accepted_, [&](const auto& each) { return !each.first.starts_with("durable"); });
  check_messages(queues, true);
}

void SyncWitness::saw(const Event& event, const Effects& effects, const Scheduler& scheduler) {
  if (const auto* requested = std::get_if<SyncRequested>(&event)) {
    for (const auto& request : requested->requests) {
      asked_.try_emplace({requested->driver, request.number}, request.operation);
      const auto* acknowledge = std::get_if<sync::Acknowledge>(&request.operation);
      if (acknowledge == nullptr) continue;
      if (const auto found = delivered_.find(acknowledge->token); found != delivered_.end())
        witness_.counts.messages += acknowledged_.insert(found->second).second ? 1 : 0;
    }
  }
  // Those of one step in the order of their tokens: an effect has the answers of one client.
  std::vector<std::pair<Asked, const sync::Answer*>> given;
  for (const auto& effect : effects)
    if (const auto* answers = std::get_if<AnswerSync>(&effect))
      for (const auto& answer : answers->answers) given.push_back({{answers->driver, answer.request}, &answer});
  std::stable_sort(given.begin(), given.end(),
                   [](const auto& a, const auto& b) { return a.second->token < b.second->token; });
  for (const auto& [asked, answer] : given) {
    const auto operation = asked_.find(asked);
    if (operation == asked_.end()) {
      witness_.breaks("18: an answer to a request that nobody made");
    } else {
      check_grant(asked, operation->second, *answer);
    }
  }
  if (auto broken = broken_sync_invariant(scheduler.synchronisation()); !broken.empty())
    witness_.breaks(std::move(broken));
}

void SyncWitness::check_grant(const Asked& asked, const sync::Operation& operation, const sync::Answer& answer) {
  if (const auto* arrive = std::get_if<sync::Arrive>(&operation);
      arrive != nullptr && answer.outcome == sync::Outcome::done) {
    auto& passed = passed_[{arrive->name, answer.token}];
    passed.insert(asked.first);
    if (passed.size() > arrive->parties)
      witness_.breaks("18: more pass a round of '" + arrive->name + "' than are its parties");
  }
  if (witness_.nothing_goes_wrong && answer.outcome == sync::Outcome::lost && granted_.contains(asked) &&
      !gone_.contains(asked.first))
    witness_.breaks("Q: a claim is lost where nothing goes wrong");
  if (answer.outcome != sync::Outcome::granted) return;

  const auto* acquire = std::get_if<sync::Acquire>(&operation);
  const auto* receive = std::get_if<sync::Receive>(&operation);
  const auto [known, is_new] = granted_.try_emplace(asked, answer.token);
  if (!is_new) {
    if (known->second != answer.token) witness_.breaks("18: one request is carried out twice");
    return;
  }
  ++witness_.counts.grants;
  const bool claims_again = (acquire != nullptr && acquire->held != 0) || (receive != nullptr && receive->held != 0);
  const auto [holder, is_first] = holder_of_.try_emplace(answer.token, asked.first);
  if (is_first == claims_again || holder->second != asked.first)
    witness_.breaks("8: token " + token_text(answer.token) + " is granted twice");
  if (acquire != nullptr && !claims_again) {
    sync::Token& last = last_token_[{acquire->kind, acquire->name}];
    if (answer.token <= last) witness_.breaks("8: '" + acquire->name + "' is granted under a lower token than before");
    last = answer.token;
  }
  if (receive != nullptr) check_delivery(*receive, answer);
}

void SyncWitness::check_delivery(const sync::Receive& receive, const sync::Answer& answer) {
  const std::string queue = Queues::queue_of(receive.queue);
  delivered_[answer.token] = {queue, answer.body};
  const auto [number, is_new] = number_of_.try_emplace(answer.body, answer.message);
  if (!is_new && number->second != answer.message) witness_.breaks("18: a message of '" + queue + "' is doubled");
  if (answer.deliveries > 1 || receive.held != 0 || Queues::is_dead_line(receive.queue)) return;
  std::uint64_t& last = last_first_delivery_[queue];
  if (answer.message < last) witness_.breaks("18: a message of '" + queue + "' is passed by a later one");
  last = answer.message;
}

void SyncWitness::sent(const Effect& effect) {
  const auto* answers = std::get_if<AnswerSync>(&effect);
  if (answers == nullptr) return;
  for (const auto& answer : answers->answers) {
    const auto operation = asked_.find({answers->driver, answer.request});
    if (operation == asked_.end() || answer.outcome != sync::Outcome::done) continue;
    if (const auto* send = std::get_if<sync::Send>(&operation->second)) accepted_.emplace(send->queue, send->body);
  }
}

void SyncWitness::used(const std::string& lock, sync::Token token, DriverId by) {
  sync::Token& last = last_write_[lock];
  if (token < last) return;  // Refused: that is what tokens are for.
  last = token;
  if (const auto holder = holder_of_.find(token); holder == holder_of_.end() || holder->second != by)
    witness_.breaks("8: '" + lock + "' is written to under another's token");
}

void SyncWitness::check_messages(const StoredQueues& queues, bool only_durable) {
  std::set<std::pair<std::string, std::string>> there;
  for (const auto& [name, queue] : queues)
    for (const auto& [number, message] : queue.messages) there.emplace(name, message.body);
  for (const auto& each : accepted_) {
    if (only_durable && !each.first.starts_with("durable")) continue;
    if (!acknowledged_.contains(each) && !there.contains(each))
      witness_.breaks("18: message " + each.second + " of '" + each.first + "' is nowhere");
  }
}

void SyncWitness::check_the_end(const Scheduler& scheduler) {
  const Synchronisation& sync = scheduler.synchronisation();
  StoredQueues queues;
  for (const auto& [name, queue] : sync.queues().queues())
    for (const auto& [number, message] : queue.messages) queues[name].messages.emplace(number, message.stored);
  check_messages(queues, false);
}

}  // namespace troupe::scheduler::sim
