// How a command that needs a running cluster finds it: `--cluster`, then TROUPE_ADDRESS, as the agent sets it for every
// command that it runs. Inside a task it speaks for the task's attempt.
#pragma once

#include <string>

#include "runtime/api/session.h"
#include "runtime/base/result.h"

namespace troupe::cli {

/// Fails with: not_found (nothing names a cluster), and what try_connect fails with.
Result<Session> connect_to_cluster(const std::string& address);

/// What to exit with when the answer is this error: the cluster said no, is gone, or the time was over.
int exit_code_of(const Error& error);

}  // namespace troupe::cli
