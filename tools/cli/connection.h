// How a command that needs a running cluster connects to it. Inside a task it speaks for the task's attempt.
#pragma once

#include <string>

#include "runtime/api/session.h"
#include "runtime/base/result.h"

namespace troupe::cli {

/// To the cluster that `--cluster` (empty: it was not given) leads to.
///
/// Fails with: what need_cluster fails with; timed_out.
Result<Session> connect_to_cluster(const std::string& option);

/// What to exit with when the answer of a lock, semaphore, barrier or queue is this error: the cluster said no, is
/// gone, or the time was over.
int exit_code_of_answer(const Error& error);

}  // namespace troupe::cli
