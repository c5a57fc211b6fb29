// `troupe list graphs|tasks|actors|jobs|nodes|objects|locks|queues`: what a cluster, or the runs in the state folder,
// hold; one row each, what drivers own first, then the newest graph.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/ids.h"

namespace troupe::cli {

using Filter = std::pair<std::string, std::string>;  ///< Key and value.

struct ListCommand {
  std::string cluster;
  std::string kind;                  ///< `graphs`, `tasks`, `actors`, and so on.
  std::vector<std::string> filters;  ///< `KEY=VALUE`, all of which must hold.
  std::size_t limit = 100;           ///< Rows.
  bool json = false;
};

/// A job is named by its name, the beginning of that with a * behind, its id, or the beginning of that.
bool is_job(JobId id, const std::string& name, const std::string& text);

/// The exit code of the process.
int list_command(const ListCommand& command);

}  // namespace troupe::cli
