// The toy shells around the cores.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "runtime/agent/agent_core.h"
#include "scheduler/simulation/world.h"

namespace troupe::scheduler::sim {

/// Steps the core, commits one batch at a time, and sends what depends on a batch when the store has answered.
class SchedulerHost {
 public:
  SchedulerHost(World& world, Settings settings);

  void start();
  void crash();
  void pause();
  void resume();
  bool is_up() const { return core_ != nullptr; }
  void take(const Event& event);
  /// A connection closed: the driver's process is gone.
  void notice_gone(DriverId driver);
  const Scheduler* core() const { return core_.get(); }
  bool is_idle() const { return turns_.empty() && !is_paused_; }

 private:
  struct Turn {
    Effects writes;
    Effects sends;
  };
  void pump();
  void committed(std::uint64_t life);
  void send(const Effect& effect);
  void wake_at(Time at);

  World& world_;
  Settings settings_;
  Dice dice_;
  std::unique_ptr<Scheduler> core_;
  std::uint64_t life_ = 0;
  bool is_paused_ = false;
  std::vector<Event> arrived_meanwhile_;
  std::deque<Turn> turns_;
  std::size_t in_flight_ = 0;  // turns whose writes are being committed
  std::optional<Time> wake_;
};

/// An agent with its processes.
class NodeHost {
 public:
  NodeHost(World& world, NodeId id, NodeCapacity capacity);

  void start();
  void crash();
  bool is_up() const { return core_ != nullptr; }
  void take(const agent::Event& event);
  NodeId id() const { return id_; }
  const AgentCore* core() const { return core_.get(); }

 private:
  void act(const agent::Effect& effect);
  void start_worker(agent::WorkerNumber worker);
  void give(agent::WorkerNumber worker, const RunOrder& order);
  void start_command(const RunOrder& order);
  void kill(agent::WorkerNumber worker, bool at_once);
  void worker_exits(agent::WorkerNumber worker, Cause cause);
  void command_exits(const AttemptReport& report);
  void to_scheduler(const Event& event);
  /// Does it later, unless the agent has died since.
  void later(Time delay, std::function<void()> what);
  void check_use();

  World& world_;
  NodeId id_;
  NodeCapacity capacity_;
  Dice dice_;
  std::uint64_t incarnation_ = 0;
  std::unique_ptr<AgentCore> core_;
  std::set<agent::WorkerNumber> workers_;
  std::set<std::pair<TaskId, AttemptId>> commands_;
  std::optional<Time> wake_;
};

/// A driver: submits what is planned, asks again until it is answered and told, then leaves.
class DriverHost {
 public:
  DriverHost(World& world, DriverId id, DriverPlan plan);

  void start();
  void die();
  bool is_gone() const { return is_gone_; }
  void take(std::uint32_t epoch, const Effect& effect);

 private:
  struct Sent {
    std::uint64_t request = 0;
    PlannedBatch batch;
    bool is_answered = false;
  };
  void submit(const PlannedBatch& batch);
  void send(Sent& sent);
  void ask_again();
  void cancel(TaskId task);
  void ended(TaskId task, TaskState state);
  void leave_when_done();
  void release_some();
  std::vector<TaskSpec> still_open(const PlannedBatch& batch);
  void to_scheduler(const Event& event);

  World& world_;
  DriverId id_;
  DriverPlan plan_;
  Dice dice_;
  bool is_gone_ = false;
  std::uint32_t epoch_ = 0;
  std::uint64_t last_request_ = 0;
  std::vector<Sent> sent_;
  std::map<TaskId, TaskState> ended_;
  std::map<std::uint64_t, TaskId> open_cancels_;
  std::map<TaskId, AttemptId> actors_up_;
};

}  // namespace troupe::scheduler::sim
