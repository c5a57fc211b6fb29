// `troupe list graphs|tasks|nodes|objects|locks|queues`: what a cluster, or the runs in the state folder, hold; one row
// each, the newest graph first.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {

using Filter = std::pair<std::string, std::string>;  ///< Key and value.

struct ListCommand {
  std::string cluster;
  std::string kind;                  ///< `graphs`, `tasks`, `nodes`, `objects`, `locks` or `queues`.
  std::vector<std::string> filters;  ///< `KEY=VALUE`, all of which must hold.
  std::size_t limit = 100;           ///< Rows.
  bool json = false;
};

/// The exit code of the process.
int list_command(const ListCommand& command);

}  // namespace troupe::cli
