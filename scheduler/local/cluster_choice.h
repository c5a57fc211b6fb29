// Which cluster is meant: the one whose address was given, then TROUPE_ADDRESS, then one that was started on this
// machine, then a private one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "scheduler/local/cluster_file.h"

namespace troupe::scheduler {

/// `$XDG_STATE_HOME/troupe`, or `~/.local/state/troupe`.
std::string state_home();

/// `STATE_HOME/clusters/NAME`.
std::string cluster_folder(const std::string& name);

/// Folders of all clusters that were ever started here.
std::vector<std::string> cluster_folders();

/// The cluster that `given` leads to (empty: nothing was given); nothing for a private one. `where` it was given stands
/// in what is said of it.
///
/// Fails with: bad_input (what was given), unavailable (nothing runs where it leads).
Result<std::optional<ClusterFile>> choose_cluster(const std::string& given, const char* where = "--cluster");

/// The same for who needs one that runs.
Result<ClusterFile> need_cluster(const std::string& given, const char* where = "--cluster");

}  // namespace troupe::scheduler
