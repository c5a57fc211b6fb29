// `troupe status`: a cluster's nodes, its epoch and its store.
#pragma once

#include <string>

namespace troupe::cli {

struct StatusCommand {
  std::string cluster;
  bool json = false;
};

/// The exit code of the process.
int status_command(const StatusCommand& command);

}  // namespace troupe::cli
