// The small process that starts Redis, scheduler and agent, or some of them, starts each again when it dies, and takes
// everything down at the end.
//
// It is single-threaded and touches neither ZeroMQ nor OpenMP, so its children may be forked without an exec.
#pragma once

#include <string_view>

#include "scheduler/local/supervisor_plan.h"

namespace troupe::scheduler {

/// Where a supervisor talks to whoever started it: one line when it is up or cannot be, one when it ends by itself. As
/// long as its scheduler reads the store there is a line now and then.
/// Unless it is to outlive its starter, half closed means: end in order; closed, which it is too when the starter dies:
/// at once. A SIGTERM means: end in order.
inline constexpr int control_descriptor = 3;
inline constexpr std::string_view ready_word = "ready";
inline constexpr std::string_view loading_word = "loading";

/// Plays the role to the end; the exit status of its process.
int run_supervisor(const RoleArguments& arguments);

}  // namespace troupe::scheduler
