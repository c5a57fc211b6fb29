// Starts a supervisor: this program once more, in another role.
#pragma once

#include <sys/types.h>

#include <string>

#include "runtime/base/result.h"
#include "scheduler/local/supervisor_plan.h"

namespace troupe::scheduler {

/// The program that this process runs.
std::string own_program();

/// A supervisor that is up. Moves; its end is its owner's matter.
struct StartedSupervisor {
  pid_t pid = -1;
  int control = -1;  ///< See supervisor.h.
};

/// Starts it in a session of its own, so that ^C reaches this process alone, and waits for its word.
///
/// `log`, unless it is empty, takes what it and its children write.
/// Fails with: unavailable (why there is none), timed_out.
Result<StartedSupervisor> start_supervisor(const SupervisorPlan& plan, const std::string& log = {});

/// Half closes the line: it ends in order. Waits until it has.
void end_supervisor(StartedSupervisor& supervisor);

}  // namespace troupe::scheduler
