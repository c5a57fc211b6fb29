// What is watched of one scheduler, from its opening of the store to its end: each step, and what it lets out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/scheduler.h"
#include "scheduler/simulation/store_model.h"
#include "scheduler/simulation/task_book.h"
#include "scheduler/simulation/witness.h"

namespace troupe::scheduler::sim {

class CoreWatch {
 public:
  CoreWatch(Witness& witness, const StoredState& loaded, Time now);

  /// After each step. Cost: what the step did.
  void saw(Time now, const Event& event, const Effects& effects);
  /// Before an effect goes out: what it follows from is on disk.
  void lets_out(const Effect& effect, const StoreContents& store);
  /// Cost: everything the scheduler knows.
  void scan(const Scheduler& core);
  /// What it knows of durable tasks is what is in the store, but for what follows from it. Requires: nothing is under
  /// way. Cost: a copy of everything the scheduler knows.
  void compare(const Scheduler& core, const StoreContents& store);

 private:
  struct Entry {
    AttemptId highest;             // that was given
    std::int64_t retry_at_ms = 0;  // of a durable task: until then it waits for its next attempt
    bool is_running = false;       // a durable task, as it was saved last
    bool is_untaken = false;       // a branch, or it hangs on one
    bool is_join = false;
    bool may_come = true;  // a driver's own, neither accepted nor given up
    NodeId given_to;       // last, by this scheduler
    RareVector<TaskId> after;
    std::optional<std::pair<TaskState, Bytes>> end;
  };

  void forget(DriverId driver);
  void note_what_may_come(const Event& event, const Effects& effects);
  void check_what_may_come(const Scheduler& core);
  void note(const TaskSpec& spec);
  void check_run(const RunTask& run);
  void check_order(TaskId task, NodeId given_to);
  void check_used(const Bytes& result);
  void check_adopted(const NodeJoined& joined, const Effects& effects);
  void check_added(const TasksSubmitted& submitted, const Effects& effects);
  void check_delay(Time now, const SaveProgress& saved);
  void check_end(TaskId task, TaskState state, const Bytes& result, const std::vector<AttemptRecord>& attempts);
  void check_cancel(const CancelRequested& cancel, const Effects& effects);

  Witness& witness_;
  const std::uint32_t epoch_;
  std::set<NodeId> drained_;
  std::set<JobId> durable_;
  TaskBook<Entry> tasks_;
  std::vector<TaskId> done_;                        // in this step
  std::set<std::pair<TaskId, AttemptId>> stopped_;  // those of earlier schedulers that awaited others
  std::map<DriverId, JobId> own_jobs_;
  std::map<DriverId, Time> since_;                                             // when a driver was taken in
  std::map<std::pair<DriverId, std::uint64_t>, std::vector<TaskId>> submits_;  // durable ones
};

}  // namespace troupe::scheduler::sim
