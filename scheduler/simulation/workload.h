// What the drivers of one seed's world ask for, and what each task does when it runs.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "runtime/base/orders.h"
#include "scheduler/simulation/dice.h"
#include "scheduler/simulation/knobs.h"

namespace troupe::scheduler::sim {

struct TaskScript {
  Time duration{10};   ///< Of a task; of an actor: until it dies, if it does.
  int failures = 0;    ///< This many attempts fail before one succeeds.
  bool kills = false;  ///< It fails by taking its worker down.
};

struct PlannedBatch {
  Time at{};
  JobInfo job;
  std::vector<TaskSpec> tasks;
};

struct PlannedCancel {
  Time at{};
  TaskId task;
};

struct DriverPlan {
  JobInfo own;
  std::vector<PlannedBatch> batches;
  std::vector<PlannedCancel> cancels;  ///< Each actor's is among them: it ends no other way.
  std::optional<Time> dies_at;
};

struct Workload {
  std::vector<NodeCapacity> nodes;
  std::vector<DriverPlan> drivers;
  std::map<TaskId, TaskScript> scripts;
};

Workload draw_workload(std::uint64_t seed, const Knobs& knobs);

}  // namespace troupe::scheduler::sim
