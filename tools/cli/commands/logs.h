// `troupe logs ID`: what a task, an actor or all of a graph printed.
#pragma once

#include <string>

namespace troupe::cli {

struct LogsCommand {
  std::string cluster;
  std::string id;       ///< Of a graph (or its name), of a task or an actor, or `GRAPH/TASK`.
  bool follow = false;  ///< Until it has ended; ^C ends that.
  std::string tail;     ///< Only so many lines, the last, of what is there; empty: all.
  bool json = false;
};

/// The exit code of the process.
int logs_command(const LogsCommand& command);

}  // namespace troupe::cli
