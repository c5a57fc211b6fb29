// `troupe bench sync`: locks, queues and barriers through a real scheduler, from driver processes.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace troupe::cli {

struct SyncRate {
  std::string name;
  std::vector<double> windows;  ///< Of a second each: how many there were.
};

/// Measures those that are wanted. Requires: this process has no ZeroMQ context: it forks.
///
/// Throws: ClusterError, std::runtime_error.
std::vector<SyncRate> measure_sync(const std::function<bool(const std::string&)>& wants);

}  // namespace troupe::cli
