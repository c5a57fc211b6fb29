// What a scheduler knows, and the moves it is made of. Each group of moves has a file of its own: scheduler.cpp (the
// switchboard), submits.cpp (what drivers ask), nodes.cpp (what nodes say), lifecycle.cpp (what becomes of tasks),
// placement.cpp (who starts where), synchronisation.cpp (locks, semaphores, barriers, queues).
//
// Invariants: invariants.cpp.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/core/cluster.h"
#include "scheduler/core/held_nodes.h"
#include "scheduler/core/ready_queue.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/core/task_table.h"
#include "scheduler/sync/synchronisation.h"

namespace troupe::scheduler {

struct Driver {
  JobId own;
  Time heard{};
  std::set<JobId> watches;  ///< Jobs whose ends it is told; those it lost to another driver since are still here.
  std::map<std::uint64_t, std::string> answered;  ///< Submits of late, by request: the refusal.
  std::deque<std::uint64_t> answered_in_order;
};

struct Scheduler::State {
  State(Settings settings, const StoredState& stored, Time now);

  // --- scheduler.cpp
  Effects step(Time now, const Event& event);
  void give_grace_if_late();
  void on(const Tick&);
  Time longest_sleep() const { return settings.node_timeout / 4; }
  std::optional<Time> next_timer() const;
  void wake_by(Time at);
  Effects effects_of_step();

  void send(Effect effect) { sends.push_back(std::move(effect)); }
  void ignore(std::string reason) { sends.push_back(Ignored{std::move(reason)}); }
  bool has_planted(Planted bug) const { return settings.planted == bug; }

  // --- submits.cpp
  void on(const DriverJoined& joined);
  void on(const DriverLeft& left);
  void on(const TasksSubmitted& submitted);
  void on(const CancelRequested& cancel);
  void on(const TasksReleased& released);
  Job& add_job(const JobInfo& info);
  void accept(Job& job, const std::vector<TaskSpec>& tasks);
  void tell_again(const std::vector<TaskSpec>& known);
  void drop_job(Job& job);

  // --- nodes.cpp
  void on(const NodeJoined& joined);
  void on(const NodeHeard& heard);
  void on(const NodeLeft& left);
  void on(const ActorStarted& started);
  void on(const AttemptEnded& ended);
  /// The node under this incarnation; nullptr after an answer to whoever it was.
  Node* expect(NodeId id, std::uint64_t incarnation);
  /// Compares what the node lists with what it should run.
  void compare(Node& node, const std::vector<RunningAttempt>& running);
  void take_in(Node& node, const RunningAttempt& running);
  void repeat_if_lost(Node& node, AttemptKey key, Holding& holding);
  void actor_is_up(Slot slot, const std::string& address);
  /// All that ran on the node is lost but what it still lists.
  void lose_attempts(const std::vector<AttemptKey>& attempts, const std::string& why);
  void node_is_dead(Node& node, const std::string& why);
  void forget_dead_nodes();

  // --- lifecycle.cpp
  void load(const StoredState& stored);
  void touch(Slot slot);
  /// Why the results that it would be handed are too many bytes; empty if they are not.
  std::string too_much_input(const Task& task) const;
  void make_ready(Slot slot);
  void leave_ready(Slot slot);
  void run(Slot slot, Node& node);
  void adopt(Slot slot, Node& node, AttemptId attempt);
  RunOrder order_for(const Task& task, const Grant& grant) const;
  void stop(NodeId node, AttemptKey key);
  void close_attempt(Slot slot, AttemptEnd end, const Cause& cause);
  /// The current attempt is over: what becomes of its task, and of its gang.
  void attempt_is_over(Slot slot, AttemptEnd end, const Cause& cause, const Bytes& result);
  void restart_gang_of(Slot slot, const Cause& cause);
  /// Ends a task for good, and all that cannot go on without it.
  void finish(Slot slot, TaskState state, std::string reason);
  void tell_ended(const Task& task);
  void forget_if_released(Slot slot);

  // --- placement.cpp
  void place_ready();
  std::vector<Slot> members_of(const Head& head) const;
  Placement try_to_place(const std::vector<Slot>& members, std::span<const NodeSpace> nodes) const;
  void adopt_orphans();
  void hold_the_line(const std::vector<Slot>& members, Kinds kinds, HeldNodes& held) const;
  std::string why_waiting(Slot slot) const;

  // --- synchronisation.cpp
  void on(const SyncRequested& requested);
  /// Nothing of the attempt is left on its node: what it held is free.
  void give_back(AttemptKey key) { sync.attempt_over(now, key.task, key.attempt); }
  void give_back_all_but(const Node& node, const std::vector<RunningAttempt>& listed);
  void drop_silent_drivers();
  /// Hands on what came of it in this step.
  void take_from_sync();

  Settings settings;
  std::uint32_t epoch = 0;
  Time now{};
  Time started{};
  Time placing_from{};
  bool placement_due = false;

  TaskTable tasks;
  Cluster cluster;
  ReadyQueue ready;
  Synchronisation sync;
  std::map<DriverId, Driver> drivers;
  /// Running according to the store, on nodes that have not joined yet.
  std::map<NodeId, std::vector<AttemptKey>> awaited;
  Time awaited_until{};
  /// Jobs that were dropped, with the highest attempt number each had given, the last few thousand of them: the same
  /// job, back again, counts on from there.
  std::map<JobId, std::uint32_t> dropped;
  std::deque<JobId> dropped_in_order;

  std::optional<Time> wake;  // what was asked for last
  std::vector<Slot> dirty;
  Effects writes;
  Effects sends;
};

}  // namespace troupe::scheduler
