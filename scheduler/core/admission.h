// Whether a submit may be accepted: looked at as a whole before anything of it is. Tasks that are known already are the
// same request coming again, and are passed over.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scheduler/core/task_table.h"
#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {

struct Submit {
  const JobInfo& job;
  JobId own_job;  ///< Of the driver that submits.
  const std::vector<TaskSpec>& tasks;
  const TaskTable& known;
  std::vector<NodeSpace> nodes;  ///< What must be able to hold each need; empty: not known yet.
  std::function<std::string(NodeId)> node_names;
  std::size_t most_tasks = 0;
};

/// Why the submit is refused, in one line that names the task; empty when it is accepted.
///
/// Cost: tasks · log tasks.
std::string admit(const Submit& submit);

/// What is told of a task that cannot run because of `before`: `task 'a' failed: exit code 3`.
std::string why_skipped(const TaskSpec& before, const TaskProgress& progress);

}  // namespace troupe::scheduler
