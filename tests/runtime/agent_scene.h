// An agent's core whose world is told by hand: what it hears in, what it does out, as text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/agent/agent_core.h"

namespace troupe {

using namespace std::chrono_literals;

/// An agent of two cpus and one gpu whose world is told by hand; each call answers with the effects as text.
class Node {
 public:
  explicit Node(AgentSettings settings = {})
      : agent_([&] {
          settings.capacity = {
              .cpus = 2000, .memory_bytes = 1000, .gpus = {{.index = 0, .uuid = "g", .memory_bytes = 100}}};
          return AgentCore(settings, 0ms);
        }()) {
    CHECK(ticks() == "join with nothing");
    CHECK(says(agent::Welcomed{store}) == "remember 1.0");
  }

  Node& at(agent::Time now) {
    now_ = now;
    return *this;
  }

  std::string is_given(const std::string& task, std::uint32_t attempt = 1) { return says(order(task, attempt)); }
  std::string is_given_behind(const std::string& task, const std::vector<std::string>& others) {
    auto early = order(task, 1);
    early.order.ahead = true;
    for (const auto& other : others) {
      early.order.awaits.push_back({id_of(other), {1, 1}, static_cast<std::uint32_t>(early.order.inputs.size())});
      early.order.inputs.emplace_back();
    }
    return says(early);
  }
  std::string is_told_to_stop(const std::string& task, std::uint32_t attempt = 1) {
    return says(agent::StopArrived{store, id_of(task), {1, attempt}});
  }
  std::string is_acknowledged(const std::string& task, std::uint32_t attempt = 1) {
    return says(agent::ReportAcknowledged{store, id_of(task), {1, attempt}});
  }
  std::string has_ready(agent::WorkerNumber worker) { return says(agent::WorkerReady{worker}); }
  std::string has_exited(agent::WorkerNumber worker, Cause cause = {}, std::uint64_t begun = 0,
                         std::vector<std::uint64_t> blamed = {}) {
    return says(agent::WorkerExited{worker, std::move(cause), begun, std::move(blamed)});
  }
  /// Worker 1 runs a, worker 2 runs x.
  void is_busy_with_a_and_x() {
    (void)is_given("a");
    (void)has_ready(1);
    (void)is_given("x");
    (void)has_ready(2);
  }
  std::string finishes(agent::WorkerNumber worker, const std::string& task, AttemptEnd end = AttemptEnd::done,
                       std::size_t passed = 0) {
    return says(agent::ReportArrived{worker, {.task = id_of(task), .attempt = {1, 1}, .end = end}, passed});
  }
  std::string waits(agent::WorkerNumber worker, const std::string& task, const std::string& returned = "") {
    agent::TaskWaits told{worker, id_of(task), {1, 1}, true};
    for (const char each : returned) told.returned.emplace_back(id_of(std::string(1, each)), AttemptId{1, 1});
    return says(told);
  }
  std::string goes_on(agent::WorkerNumber worker, const std::string& task) {
    return says(agent::TaskWaits{worker, id_of(task), {1, 1}});
  }
  std::string ticks() { return says(agent::Tick{}); }

  std::string says(const agent::Event& event) {
    std::string text;
    for (const auto& effect : agent_.step(now_, event)) {
      const std::string each = std::visit([this](const auto& e) { return text_of(e); }, effect);
      if (!each.empty()) text += (text.empty() ? "" : "; ") + each;
    }
    return text;
  }

  /// An order for the task as it is described by the fields below.
  agent::OrderArrived order(const std::string& task, std::uint32_t attempt) const {
    return {store,
            {.task = id_of(task),
             .attempt = {1, attempt},
             .name = task,
             .program = program,
             .work = work,
             .grant = grant,
             .timeout = timeout,
             .ahead = ahead}};
  }

  static TaskId id_of(const std::string& task) { return {{1}, static_cast<std::uint32_t>(task[0])}; }

  StoreAge store{.epoch = 1};
  bool has_work_in_line() const { return agent_.has_work_in_line(); }
  std::string program = "/bin/driver";
  Work work = FunctionWork{"f", {}};
  Grant grant{.cpus = 1000};
  bool ahead = false;
  std::chrono::milliseconds timeout{0};

 private:
  static std::string name(TaskId task, AttemptId attempt) {
    return std::string(1, static_cast<char>(task.number)) + '#' + std::to_string(attempt.number);
  }
  static std::string list(const std::vector<RunningAttempt>& running) {
    std::string text;
    for (const auto& each : running)
      text += (text.empty() ? "" : ", ") + name(each.task, each.attempt) + (each.address.empty() ? "" : " (up)") +
              (each.cpus == GrantedCpus::lent   ? " (waits)"
               : each.cpus == GrantedCpus::owed ? " (is owed)"
                                                : "");
    return text.empty() ? "nothing" : text;
  }
  std::string text_of(const agent::StartWorker& e) const { return "start worker " + std::to_string(e.worker); }
  std::string text_of(const agent::GiveOrder& e) const {
    return "give " + name(e.order.task, e.order.attempt) + " to " + std::to_string(e.worker);
  }
  std::string text_of(const agent::GiveResult& e) const {
    return "give result of " + name(e.task, e.attempt) + " to " + std::to_string(e.worker);
  }
  std::string text_of(const agent::PassResult& e) const {
    return "pass " + name(e.task, e.attempt) + " from " + std::to_string(e.worker) + " to " + std::to_string(e.to);
  }
  std::string text_of(const agent::TakeBack& e) const {
    return "take " + name(e.task, e.attempt) + " back from " + std::to_string(e.worker);
  }
  std::string text_of(const agent::StartCommand& e) const { return "start " + name(e.order.task, e.order.attempt); }
  std::string text_of(const agent::KillWorker& e) const {
    return (e.at_once ? "kill worker " : "end worker ") + std::to_string(e.worker);
  }
  std::string text_of(const agent::KillCommand& e) const {
    return (e.at_once ? "kill " : "end ") + name(e.task, e.attempt);
  }
  std::string text_of(const agent::SendReport& e) const {
    static const char* const ends[] = {"done", "failed", "lost", "cancelled", "preempted"};
    std::string text = "report " + name(e.report.task, e.report.attempt) + ' ' + ends[static_cast<int>(e.report.end)];
    if (e.report.cause.signal != 0) text.append(": signal ").append(std::to_string(e.report.cause.signal));
    if (!e.report.cause.message.empty()) text.append(": ").append(e.report.cause.message);
    return text;
  }
  std::string text_of(const agent::RememberStore& e) const {
    return "remember " + std::to_string(e.seen.epoch) + '.' + std::to_string(e.seen.commit_seq);
  }
  std::string text_of(const agent::SendActorStarted& e) const { return name(e.task, e.attempt) + " is up"; }
  std::string text_of(const agent::SendHeartbeat& e) const { return "beat with " + list(e.running); }
  std::string text_of(const agent::SendJoin& e) const { return "join with " + list(e.running); }
  std::string text_of(const agent::WakeAt&) const { return ""; }
  std::string text_of(const agent::Ignored& e) const { return "ignored: " + e.reason; }

  agent::Time now_{0};
  AgentCore agent_;
};

}  // namespace troupe
