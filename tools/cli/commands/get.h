// `troupe get ID`: everything about one graph, job, task, actor, node or object.
#pragma once

#include <string>

namespace troupe::cli {

struct GetCommand {
  std::string cluster;
  std::string id;  ///< Of a graph or a job (or its name), of a task, `GRAPH/TASK`; what find_live takes; of a node, an
                   ///< object.
  bool json = false;
};

/// The exit code of the process.
int get_command(const GetCommand& command);

}  // namespace troupe::cli
