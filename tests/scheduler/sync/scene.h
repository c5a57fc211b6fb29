// Locks, semaphores, barriers and queues whose clients are told by hand. Clients are called by one letter; a token in a
// transcript is the counter alone. After every move the invariants are checked.
#pragma once

#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "runtime/base/overloaded.h"
#include "scheduler/sync/describe.h"
#include "scheduler/sync/invariants.h"
#include "scheduler/sync/synchronisation.h"

namespace troupe::scheduler {

using std::chrono::milliseconds;

class Scene {
 public:
  explicit Scene(SyncSettings settings = {.grace = milliseconds(1000)})
      : settings_(settings), sync_(settings, 1, {}, now_) {}

  /// Ticks on the way, as they were asked for.
  Scene& at(milliseconds now) {
    for (auto next = sync_.next_timer(); next && *next <= now; next = sync_.next_timer()) {
      now_ = std::max(now_, *next);
      sync_.tick(now_);
      took();
    }
    now_ = now;
    return *this;
  }

  Scene& asks(char client, sync::Operation operation) {
    asked_[client].push_back({++numbers_[client], std::move(operation)});
    return gives(client, asked_[client].back());
  }
  /// An earlier request arrives once more.
  Scene& asks_again(char client, std::uint64_t number) { return gives(client, asked_[client].at(number - 1)); }
  /// In the name of an attempt of task `number`.
  Scene& acts_for(char client, std::uint32_t number) {
    tasks_[client] = number;
    return *this;
  }
  /// All answers so far have arrived.
  Scene& confirms(char client) {
    confirmed_[client] = numbers_[client] + 1;
    return *this;
  }
  Scene& leaves(char client) {
    sync_.client_left(now_, id_of(client));
    return took();
  }
  Scene& ends_turns() {
    sync_.end_turns_of_tasks();
    return took();
  }
  Scene& attempt_over(std::uint32_t number) {
    sync_.attempt_over(now_, {{9}, number}, {1, 1});
    return took();
  }
  Scene& scheduler_restarts() {
    sync_ = Synchronisation(settings_, ++epoch_, stored_, now_);
    return took();
  }
  Scene& scheduler_was_stopped_until(milliseconds until) {
    sync_.spare_until(until);
    return *this;
  }

  /// What was answered since the last call: `a 1: granted as 1`, a line each.
  std::string answers() { return '\n' + std::exchange(text_, {}); }
  Synchronisation& sync() { return sync_; }
  const StoredQueues& stored() const { return stored_; }
  milliseconds now() const { return now_; }

 private:
  static DriverId id_of(char client) { return {static_cast<std::uint64_t>(client)}; }

  Scene& gives(char client, const sync::Request& request) {
    Holder holder{.client = id_of(client), .task = {}, .attempt = {}};
    if (tasks_.contains(client)) holder = {id_of(client), {{9}, tasks_[client]}, {1, 1}};
    sync_.take(now_, holder, {request}, confirmed_[client], false);
    return took();
  }

  Scene& took() {
    const auto output = sync_.take_output();
    for (const auto& [client, answer] : output.answers) {
      text_ += std::string(1, static_cast<char>(client.value)) + ' ' + describe(answer);
      if (!answer.body.empty()) text_ += " '" + answer.body + "'";
      if (answer.deliveries > 1) text_ += ", delivery " + std::to_string(answer.deliveries);
      text_ += '\n';
    }
    for (const auto& save : output.saves) std::visit([this](const auto& each) { apply(each, stored_); }, save);
    INFO(text_);
    REQUIRE(broken_sync_invariant(sync_) == "");
    return *this;
  }
  SyncSettings settings_;
  milliseconds now_{0};
  std::uint32_t epoch_ = 1;
  Synchronisation sync_;
  StoredQueues stored_;
  std::map<char, std::vector<sync::Request>> asked_;
  std::map<char, std::uint64_t> numbers_;
  std::map<char, std::uint64_t> confirmed_;
  std::map<char, std::uint32_t> tasks_;
  std::string text_;
};

constexpr sync::Token token(std::uint64_t counter, std::uint64_t epoch = 1) {
  return (epoch << token_counter_bits) | counter;
}
inline sync::Acquire lock(std::string name, milliseconds lease = sync::default_lease,
                          milliseconds patience = sync::for_ever) {
  return {.name = std::move(name), .lease = lease, .patience = patience};
}
inline sync::Acquire permits(std::string name, std::uint32_t permits, std::uint32_t capacity) {
  return {.kind = sync::Kind::semaphore, .name = std::move(name), .permits = permits, .capacity = capacity};
}
inline sync::Arrive arrive(std::string name, std::uint32_t parties, std::uint64_t passed = 0) {
  return {.name = std::move(name), .parties = parties, .passed = passed};
}
inline sync::Receive receive(std::string queue, milliseconds patience = sync::for_ever) {
  return {.queue = std::move(queue), .patience = patience};
}

inline TaskSpec spec_of(std::uint32_t number, std::vector<std::string> locks, std::vector<SemaphoreNeed> semaphores) {
  TaskSpec spec;
  spec.id = {{9}, number};
  spec.locks = std::move(locks);
  spec.semaphores = std::move(semaphores);
  return spec;
}

}  // namespace troupe::scheduler
