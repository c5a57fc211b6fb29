// `troupe cancel ID…`: ends tasks and actors, or all of a graph or a driver, of a cluster.
#pragma once

#include <string>
#include <vector>

namespace troupe::cli {

struct CancelCommand {
  std::string cluster;
  std::vector<std::string> ids;  ///< Each of a graph (or its name), of a task, GRAPH/TASK, or what find_live takes.
  bool json = false;
};

/// The exit code of the process.
int cancel_command(const CancelCommand& command);

}  // namespace troupe::cli
