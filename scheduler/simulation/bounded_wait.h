// That no job starves another, watched at one scheduler.
//
// A job is hungry while it holds nothing of the cluster and has a task in line. Such a task must not go on waiting for
// longer than the bound while others get room where it could run, if all of these were submitted later, are of other
// jobs and of no higher priority. Whatever else explains a wait begins its time anew: one submitted earlier, or of
// higher priority, is given room; an actor is, which keeps its own; the nodes change; the scheduler was stopped; a task
// has held cpus for longer than the bound, which waits for others and may not lend them, for too many do.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "scheduler/core/invariants.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/simulation/scenario.h"
#include "scheduler/simulation/task_book.h"
#include "scheduler/simulation/witness.h"

namespace troupe::scheduler::sim {

class BoundedWait {
 public:
  BoundedWait(Witness& witness, const Scenario& scenario, const StoredState& loaded);

  /// After each step. Cost: what the step did; once in four heartbeats what runs, and the tasks of hungry jobs.
  void saw(Time now, const Event& event, const Effects& effects, const Scheduler& core);

 private:
  struct Entry {
    std::uint64_t order = 0;  // its place among all that were submitted; 0: it is not known, or was dropped
    std::int32_t priority = 0;
    bool is_actor = false;
    AttemptId highest;
  };
  struct Hungry {
    Time since{};
    std::int32_t priority = 0;
    std::vector<NodeId> nodes;
  };

  void note(const TaskSpec& spec);
  void note_welcome(const DriverJoined& joined, const Effects& effects);
  void look(Time now, const Scheduler& core);
  void begin_anew(Time now);
  void check_start(Time now, const RunTask& run);

  Witness& witness_;
  const Time bound_;
  const Time interval_;
  const Time longest_pause_;
  Time last_step_{};
  Time next_look_{};
  std::uint64_t submits_ = 0;
  TaskBook<Entry> tasks_;
  std::map<DriverId, Time> since_;  // when a driver was taken in
  std::map<TaskId, Hungry> hungry_;
  std::vector<bool> alive_;
};

}  // namespace troupe::scheduler::sim
