// `troupe get ID`: everything about one graph or one task.
#pragma once

#include <string>

namespace troupe::cli {

struct GetCommand {
  std::string cluster;
  std::string id;  ///< Of a graph (or its name), of a task, or `GRAPH/TASK`.
  bool json = false;
};

/// The exit code of the process.
int get_command(const GetCommand& command);

}  // namespace troupe::cli
