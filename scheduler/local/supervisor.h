// The small process that starts Redis, scheduler and agent, starts scheduler and agent again when they die, and takes
// everything down when its driver is gone.
//
// It is single-threaded and touches neither ZeroMQ nor OpenMP, so its children may be forked without an exec.
#pragma once

#include <string>

#include "runtime/base/resources.h"
#include "scheduler/local/role_arguments.h"

namespace troupe::scheduler {

/// Where a supervisor talks to its driver: one line when the cluster is up or cannot be; its end means: take it down.
inline constexpr int control_descriptor = 3;

std::string scheduler_address(const std::string& directory);
std::string worker_address(const std::string& directory, const std::string& worker);

/// Plays an agent of the cluster that `arguments` name, to the end; the exit status of its process.
int run_agent_role(const RoleArguments& arguments, const NodeCapacity& capacity, NodeId node,
                   std::uint64_t incarnation);

/// Plays the role to the end; the exit status of its process.
int run_supervisor(const RoleArguments& arguments);

}  // namespace troupe::scheduler
