// `troupe timeline [ID]`: when each attempt ran, and where, as a Chrome trace; without an id, what a cluster does and
// did last.
#pragma once

#include <string>

namespace troupe::cli {

struct TimelineCommand {
  std::string cluster;
  std::string id;    ///< What `get` takes, but for nodes and objects; empty: the whole cluster.
  std::string file;  ///< Takes it; empty: stdout does.
  bool json = false;
  bool quiet = false;
};

/// The exit code of the process.
int timeline_command(const TimelineCommand& command);

}  // namespace troupe::cli
