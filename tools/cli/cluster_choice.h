// Which cluster a command means: the option `--cluster`, then TROUPE_ADDRESS, then one that was started on this
// machine, then a private one that lives as long as the command.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "scheduler/local/cluster_file.h"

namespace troupe::cli {

/// `$XDG_STATE_HOME/troupe/clusters/NAME`.
std::string cluster_folder(const std::string& name);

/// Of one graph on a cluster: its tasks' own directories.
std::string graph_folder(const scheduler::ClusterFile& cluster, JobId graph);

/// Folders of all clusters that were ever started here.
std::vector<std::string> cluster_folders();

/// The cluster that `--cluster` (empty: it was not given) leads to; nothing for a private one.
///
/// Fails with: bad_input (what was given), unavailable (nothing runs where it leads).
Result<std::optional<scheduler::ClusterFile>> choose_cluster(const std::string& option);

/// The same for a command that needs one.
Result<scheduler::ClusterFile> need_cluster(const std::string& option);

/// The exit code for an error of theirs.
int exit_code_of(const Error& error);

}  // namespace troupe::cli
