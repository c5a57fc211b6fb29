// A cluster file says where a running cluster is: `TROUPE_ADDRESS` names one, and each cluster keeps its own in its
// folder. JSON: {"cluster_id", "scheduler", "folder"}.
#pragma once

#include <string>

#include "runtime/api/session.h"
#include "runtime/base/result.h"

namespace troupe {

struct ClusterFile {
  ClusterId cluster;
  std::string scheduler;  ///< The address that its scheduler listens on.
  std::string folder;     ///< Of its sockets.
};

/// Of a cluster in this folder.
std::string cluster_file_path(const std::string& folder);

/// Fails with: unavailable (what cannot be written, and why).
Result<void> write_cluster_file(const std::string& path, const ClusterFile& file);
/// Fails with: not_found, bad_input (what it lacks).
Result<ClusterFile> read_cluster_file(const std::string& path);

/// A session of the cluster that the file names, on behalf of `attempt` if there is one.
///
/// Fails with: not_found, bad_input (the file), timed_out (no scheduler answers within `limit`).
Result<Session> try_connect(const std::string& cluster_file, std::chrono::milliseconds limit,
                            const std::optional<std::pair<TaskId, AttemptId>>& attempt = {});

}  // namespace troupe
