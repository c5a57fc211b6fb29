// `troupe timeline ID`: when each attempt ran, and where, as a Chrome trace.
#pragma once

#include <string>

namespace troupe::cli {

struct TimelineCommand {
  std::string cluster;
  std::string id;    ///< Of a graph (or its name), of a task, or `GRAPH/TASK`.
  std::string file;  ///< Takes it; empty: stdout does.
  bool json = false;
  bool quiet = false;
};

/// The exit code of the process.
int timeline_command(const TimelineCommand& command);

}  // namespace troupe::cli
