// The file by which a cluster is found: `{"cluster_id","scheduler","folder"}`.
#pragma once

#include <string>

#include "runtime/base/ids.h"
#include "runtime/base/result.h"

namespace troupe::scheduler {

struct ClusterFile {
  ClusterId cluster;
  std::string scheduler;  ///< Its address.
  std::string folder;     ///< Where its store and its graphs' folders are.

  /// Of its sockets.
  std::string directory() const;
  friend bool operator==(const ClusterFile&, const ClusterFile&) = default;
};

/// `FOLDER/cluster.json`
std::string cluster_file_in(const std::string& folder);

/// A file, or a folder with one. Fails with: not_found, bad_input (what was found in it, and what was expected).
Result<ClusterFile> read_cluster_file(const std::string& path);

/// Written beside and renamed: a reader sees the old one or the new one.
///
/// Fails with: unavailable.
Result<void> write_cluster_file(const std::string& path, const ClusterFile& file);

}  // namespace troupe::scheduler
