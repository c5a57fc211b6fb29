// Whether a submit may be accepted: looked at as a whole before anything of it is. Tasks that are known already are the
// same request coming again, and are passed over.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/planted.h"
#include "scheduler/core/cluster.h"
#include "scheduler/core/task_table.h"

namespace troupe::scheduler {

struct Submit {
  const JobInfo& job;
  JobId own_job;  ///< Of the driver that submits.
  const std::vector<TaskSpec>& tasks;
  TaskId from;       ///< See TasksSubmitted.
  TaskTable& known;  ///< Remembers of shapes that they were judged.
  Cluster& cluster;
  bool all_nodes_are_known = true;  ///< Otherwise the one that is large enough may be on its way.
  std::size_t most_tasks = 0;
  std::size_t most_shapes = 0;
  std::size_t most_input_bytes = 0;
  Planted planted = Planted::none;
};

/// Why the submit is refused, in one line that names the task; empty when it is accepted.
///
/// Cost: tasks · log tasks; nodes, for each need that was not judged since a node joined or left.
std::string admit(Submit& submit);

/// What is told of a task that cannot run because of `before`: `task 'a' failed: exit code 3`.
std::string why_skipped(const TaskSpec& before, const TaskProgress& progress);

}  // namespace troupe::scheduler
