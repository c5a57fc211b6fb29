// What a supervisor forks: scheduler and agent. Each lives no longer than its supervisor, and ends in order when it is
// sent a SIGTERM.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "runtime/base/resources.h"
#include "scheduler/local/member.h"
#include "scheduler/local/role_arguments.h"

namespace troupe::scheduler {

/// How a scheduler's process ends, to its supervisor.
inline constexpr int exit_as_told = 0;
inline constexpr int exit_for_good = 1;  ///< It cannot go on, and the next one could not either.
inline constexpr int exit_for_now = 2;   ///< The next one may fare better.
inline constexpr int exit_fenced = 3;    ///< Another one is the scheduler now.

/// Writes one line to a descriptor; to stderr when that is closed.
void tell(int descriptor, std::string line);

/// Forks a child that plays a role and cannot outlive its parent. Requires: this process has one thread.
///
/// `name` is what ps and top show; at most 15 characters.
pid_t fork_role(const char* name, const std::function<int()>& role);

/// `word` is a descriptor that takes one line: why there will be no scheduler; or, where no agent will say it, `ready`.
int run_scheduler_role(const RoleArguments& arguments, int word);

/// Plays an agent of the cluster that `arguments` name, to the end; the exit status of its process. `word` takes the
/// line `ready` once the agent is welcome.
int run_agent_role(const RoleArguments& arguments, const NodeCapacity& capacity, NodeStart start, int word);

}  // namespace troupe::scheduler
