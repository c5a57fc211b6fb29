// A scheduler whose world is told by hand: each call is one event at the present time, and the transcript of events and
// effects reads like a story. Messages arrive only when the test delivers them; the clock moves only by at(), which
// gives the ticks that the scheduler asked for on the way. After every event the invariants are checked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "scheduler/core/describe.h"
#include "scheduler/core/scheduler.h"

namespace troupe::scheduler {

struct TaskWish {
  std::vector<std::string> after;
  std::vector<std::string> inputs;
  Resources needs;
  int max_attempts = 1;
  bool is_actor = false;
  bool is_join = false;
  Boxed<GangHint> gang;
  std::string when;    ///< Asked about `inputs`, by their names.
  std::string repeat;  ///< Asked about the task's own result, by its name.
  std::uint32_t at_most = 10;
  Boxed<RetryRule> retry;
  Time timeout{0};
  bool cache = false;
  std::string work = "f";  ///< The name of its function.
  int priority = 0;
  bool preemptible = false;
  bool spreads = false;
  std::vector<std::string> locks;
  std::vector<SemaphoreNeed> semaphores;
  std::string near;  ///< A node.
};

/// Is told what the core is started with, and what it is given and gives.
struct CoreWatch {
  std::function<void(const Settings&, const StoredState&, Time)> opened;
  std::function<void(Time, const Event&, const Effects&)> stepped;
};

class Scenario final : Names {
 public:
  explicit Scenario(Settings settings = {.node_timeout = Time{300}, .rejoin_grace = Time{50}});

  Scenario& at(Time now);

  Scenario& joins(const std::string& node, NodeCapacity capacity);
  /// Comes back as a new process, which runs nothing.
  Scenario& restarts_agent(const std::string& node);
  /// Joins again as it is, with all it runs.
  Scenario& joins_again(const std::string& node);
  Scenario& hears(const std::string& node, bool is_early = false);
  Scenario& leaves(const std::string& node);
  /// The order did not arrive.
  Scenario& loses(const std::string& node, const std::string& attempt);

  Scenario& finishes(const std::string& node, const std::string& attempt, const std::string& result = "");
  Scenario& fails(const std::string& node, const std::string& attempt, Cause cause);
  Scenario& stops(const std::string& node, const std::string& attempt);
  /// It waits for other work, or goes on, as its node then tells.
  Scenario& waits(const std::string& node, const std::string& attempt, bool waits = true);
  Scenario& has_actor_up(const std::string& node, const std::string& attempt);

  Scenario& driver_joins();
  Scenario& driver_leaves();
  /// From here on it is this driver that submits; it joins.
  Scenario& as_driver(std::uint64_t number);
  Scenario& submits(const std::string& task, TaskWish wish = {});
  Scenario& submits_all(const std::vector<std::pair<std::string, TaskWish>>& tasks);
  /// Sends the last submit again, as the same request or as a new one.
  Scenario& submits_again(bool as_new_request = false);
  /// What is submitted next is added by this running task; empty: by the driver itself.
  Scenario& from(const std::string& task);
  Scenario& drains(const std::string& node, bool drain = true);
  Scenario& cancels(const std::string& task);
  Scenario& releases(const std::string& task);
  /// Asks a lock, semaphore, barrier or queue, on behalf of an attempt if there is one.
  Scenario& asks(sync::Operation operation, const std::string& attempt = "");
  Scenario& asks_at_once(const std::vector<sync::Operation>& operations, const std::string& attempt = "");
  /// From here on what is submitted is durable.
  Scenario& as_durable_job();
  /// From here on it is of the driver's own job.
  Scenario& as_own_job();

  /// The scheduler's process dies and another one takes over from the store.
  /// `books`: how long it then takes to make them.
  Scenario& restarts_scheduler(Time books = Time{0});

  /// Is told of each scheduler that starts from here on, and of its steps; or, without `opened`, of the steps from now
  /// on.
  Scenario& watched_by(CoreWatch watch);

  /// Every event with its effects since the last call, a line each; without ticks that did nothing.
  std::string transcript();

  std::string state_of(const std::string& task) const;
  std::string reason_of(const std::string& task) const;
  WaitReason wait_of(const std::string& task) const { return scheduler_->why_waiting(id_of(task)); }
  TaskId id_of(const std::string& task) const;
  std::size_t tasks_known() const;
  Milli free_cpus(const std::string& node) const;
  Scheduler& scheduler() { return *scheduler_; }
  Time now() const { return now_; }
  const StoredState& stored() const { return store_; }

 private:
  std::string of(NodeId id) const override { return node_names_.at(id); }
  std::string of(DriverId id) const override { return id.value == 1 ? "d" : "d" + std::to_string(id.value); }
  std::string of(JobId id) const override { return id == own_job.id ? "own" : "graph"; }
  std::string of(TaskId id) const override;
  using Names::of;

  static inline const JobInfo own_job{.id = {1}, .name = "own", .program = "/bin/own"};
  static inline const JobInfo graph_job{.id = {2}, .name = "graph", .durable = true};

  Effects step(const Event& event);
  void fold(const Effect& effect);
  NodeId node_of(const std::string& node) const;
  AttemptEnded ended(const std::string& node, const std::string& attempt, AttemptReport report) const;
  TaskSpec spec_of(const std::string& name, const TaskWish& wish);
  static JobInfo own_job_of(std::uint64_t driver);
  std::vector<RunningAttempt> running_on(const std::string& node) const;

  Settings settings_;
  Time now_{0};
  std::optional<Time> wake_;
  StoredState store_;
  std::unique_ptr<Scheduler> scheduler_;
  JobInfo job_ = own_job;
  DriverId driver_{1};
  TaskId from_;
  std::map<std::string, std::uint32_t> task_numbers_;
  std::map<std::string, TaskId> task_ids_;
  std::map<TaskId, std::string> task_names_;
  std::map<std::string, NodeJoined> nodes_;
  std::map<NodeId, std::string> node_names_;
  std::map<std::string, std::pair<TaskId, AttemptId>> attempts_;             // by their text
  std::map<std::string, std::map<std::string, RunningAttempt>> running_on_;  // by node, then by attempt
  TasksSubmitted last_submit_;
  std::uint64_t next_request_ = 1;
  std::uint64_t next_sync_ = 1;
  std::string transcript_;
  CoreWatch watch_;
  bool is_watched_ = false;
};

}  // namespace troupe::scheduler
