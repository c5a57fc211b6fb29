// The small process that starts Redis, scheduler and agent, starts scheduler and agent again when they die, and takes
// everything down when its driver is gone.
//
// It is single-threaded and touches neither ZeroMQ nor OpenMP, so its children may be forked without an exec.
#pragma once

#include <string>

#include "runtime/base/resources.h"
#include "scheduler/local/role_arguments.h"

namespace troupe::scheduler {

/// Where a supervisor talks to its driver: one line when the cluster is up or cannot be, one when it ends by itself.
/// Half closed by the driver it means: end in order; closed, which it is too when the driver dies: at once.
inline constexpr int control_descriptor = 3;

std::string scheduler_address(const std::string& directory);
std::string redis_socket(const std::string& directory);
std::string worker_address(const std::string& directory, const std::string& worker);

/// Removes a cluster's folder and shared memory.
void remove_traces(const std::string& directory, std::uint64_t cluster);

/// Plays an agent of the cluster that `arguments` name, to the end; the exit status of its process.
int run_agent_role(const RoleArguments& arguments, const NodeCapacity& capacity, NodeId node,
                   std::uint64_t incarnation);

/// Plays the role to the end; the exit status of its process.
int run_supervisor(const RoleArguments& arguments);

}  // namespace troupe::scheduler
