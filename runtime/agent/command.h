// A task that is a command line: what is started for an attempt, and what its end means.
#pragma once

#include <string>
#include <string_view>

#include "runtime/agent/process.h"
#include "runtime/base/orders.h"
#include "runtime/base/result.h"

namespace troupe {

struct Command {
  ProcessSpec process;
  std::string result_file;  ///< `TROUPE_RESULT`
};

/// Puts results of earlier tasks into the command's words (`{task}`, `{task.key}`, `{task.key[2]}`) and makes its
/// folder.
///
/// Fails with: bad_input: a result that has no such key; a folder that cannot be made.
///
/// Besides what the order says, the command sees TROUPE_ATTEMPT_ID, TROUPE_TOKEN if its task holds locks, and, if
/// `cluster_file` names one, TROUPE_ADDRESS.
Result<Command> prepare_command(const RunOrder& order, const std::string& cluster_file = {});

/// What an ended command's attempt came to: done with the JSON value in its result file (none: empty), or failed with
/// exit code or signal and its last lines of output.
AttemptReport report_of(const RunOrder& order, const Command& command, const ProcessEnd& end);

/// What every process of a grant is told: its threads, its devices.
std::vector<std::pair<std::string, std::string>> environment_of(const Grant& grant);

}  // namespace troupe
