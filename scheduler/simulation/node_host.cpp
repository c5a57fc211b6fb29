#include <utility>

#include "scheduler/simulation/hosts.h"

namespace troupe::scheduler::sim {

NodeHost::NodeHost(World& world, NodeId id, NodeCapacity capacity)
    : world_(world), id_(id), capacity_(std::move(capacity)), dice_(world.seed + id.value, "node") {}

void NodeHost::start() {
  ++incarnation_;
  core_ = std::make_unique<AgentCore>(AgentSettings{.capacity = capacity_,
                                                    .heartbeat_interval = agent::Time{100},
                                                    .idle_timeout = agent::Time{300},
                                                    .most_idle_workers = 2,
                                                    .kill_grace = agent::Time{100}},
                                      world_.timeline.now());
  world_.witness.trace("agent " + to_text(id_) + " starts");
  take(agent::Tick{});
}

void NodeHost::crash() {
  world_.witness.trace("agent " + to_text(id_) + " dies");
  core_.reset();
  workers_.clear();
  commands_.clear();
  wake_.reset();
}

void NodeHost::later(Time delay, std::function<void()> what) {
  world_.timeline.after(delay, [this, incarnation = incarnation_, what = std::move(what)] {
    if (is_up() && incarnation == incarnation_) what();
  });
}

void NodeHost::take(const agent::Event& event) {
  if (!is_up()) return;
  for (const auto& effect : core_->step(world_.timeline.now(), event)) act(effect);
  check_use();
}

void NodeHost::check_use() {
  NodeLedger books(capacity_);
  for (const auto& grant : core_->grants_in_use())
    if (!books.take_exactly(grant)) world_.witness.breaks("4: node " + to_text(id_) + " uses more than it has");
  if (core_->waiting_for_room() > 0 && world_.knobs.is_quiet())
    world_.witness.breaks("4: node " + to_text(id_) + " is given more than it has");
}

void NodeHost::to_scheduler(const Event& event) {
  world_.network.send(place_of(id_), scheduler_place, [&world = world_, event] { world.scheduler->take(event); });
}

void NodeHost::act(const agent::Effect& effect) {
  if (const auto* e = std::get_if<agent::StartWorker>(&effect)) start_worker(e->worker);
  if (const auto* e = std::get_if<agent::GiveOrder>(&effect)) give(e->worker, e->order);
  if (const auto* e = std::get_if<agent::StartCommand>(&effect)) start_command(e->order);
  if (const auto* e = std::get_if<agent::KillWorker>(&effect)) kill(e->worker, e->at_once);
  if (const auto* e = std::get_if<agent::KillCommand>(&effect)) {
    later(Time{dice_.between(1, 10)}, [this, key = AttemptReport{.task = e->task, .attempt = e->attempt}] {
      AttemptReport report = key;
      report.end = AttemptEnd::failed;
      report.cause = {.signal = 15};
      command_exits(report);
    });
  }
  if (const auto* e = std::get_if<agent::SendReport>(&effect)) to_scheduler(AttemptEnded{id_, incarnation_, e->report});
  if (const auto* e = std::get_if<agent::SendActorStarted>(&effect))
    to_scheduler(ActorStarted{id_, incarnation_, e->task, e->attempt, e->address});
  if (const auto* e = std::get_if<agent::SendHeartbeat>(&effect))
    to_scheduler(NodeHeard{id_, incarnation_, e->running});
  if (const auto* e = std::get_if<agent::SendJoin>(&effect))
    to_scheduler(NodeJoined{id_, incarnation_, to_text(id_), capacity_, e->running});
  if (const auto* e = std::get_if<agent::WakeAt>(&effect)) {
    wake_ = e->at;
    later(std::max(e->at - world_.timeline.now(), Time{0}), [this, at = e->at] {
      if (wake_ == at) take(agent::Tick{});
    });
  }
}

void NodeHost::start_worker(agent::WorkerNumber worker) {
  workers_.insert(worker);
  later(Time{dice_.between(1, 10)}, [this, worker] {
    if (workers_.contains(worker)) take(agent::WorkerReady{worker});
  });
}

void NodeHost::worker_exits(agent::WorkerNumber worker, Cause cause) {
  if (workers_.erase(worker) == 1) take(agent::WorkerExited{worker, std::move(cause)});
}

void NodeHost::give(agent::WorkerNumber worker, const RunOrder& order) {
  TaskScript& script = world_.workload.scripts.at(order.task);
  if (dice_.chance(world_.knobs.worker_dies_permille) && world_.has_faults()) {
    later(Time{dice_.between<std::int64_t>(0, script.duration.count())},
          [this, worker] { worker_exits(worker, {.signal = 9}); });
  }
  if (std::holds_alternative<ActorWork>(order.work)) {
    later(Time{dice_.between(1, 10)}, [this, worker, task = order.task, attempt = order.attempt] {
      if (workers_.contains(worker)) take(agent::ActorUp{worker, task, attempt, "ipc://" + result_of(task, attempt)});
    });
    if (script.failures > 0)
      later(script.duration, [this, worker, &script] {
        if (workers_.contains(worker)) --script.failures;
        worker_exits(worker, {.signal = 11});
      });
    return;
  }
  later(script.duration, [this, worker, &script, task = order.task, attempt = order.attempt] {
    if (!workers_.contains(worker)) return;
    AttemptReport report{.task = task, .attempt = attempt, .result = result_of(task, attempt)};
    if (script.failures > 0) {
      --script.failures;
      if (script.kills) return worker_exits(worker, {.signal = 6});
      report.end = AttemptEnd::failed;
      report.result.clear();
      report.cause = {.message = "it threw"};
    }
    take(agent::ReportArrived{worker, report});
  });
}

void NodeHost::start_command(const RunOrder& order) {
  TaskScript& script = world_.workload.scripts.at(order.task);
  commands_.insert({order.task, order.attempt});
  later(script.duration, [this, &script, task = order.task, attempt = order.attempt] {
    if (!commands_.contains({task, attempt})) return;
    AttemptReport report{.task = task, .attempt = attempt, .result = result_of(task, attempt)};
    if (script.failures > 0) {
      --script.failures;
      report.end = AttemptEnd::failed;
      report.result.clear();
      report.cause = {.exit_code = 3};
    }
    command_exits(report);
  });
}

void NodeHost::command_exits(const AttemptReport& report) {
  if (commands_.erase({report.task, report.attempt}) == 1) take(agent::CommandExited{report});
}

/// Most end when they are asked to; some must be made to.
void NodeHost::kill(agent::WorkerNumber worker, bool at_once) {
  if (!at_once && dice_.chance(100)) return;
  later(Time{dice_.between(1, 10)}, [this, worker] { worker_exits(worker, {.signal = 15}); });
}

}  // namespace troupe::scheduler::sim
