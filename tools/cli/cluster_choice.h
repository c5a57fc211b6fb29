// Which cluster a command means (scheduler/local/cluster_choice.h), and the exit code where it means none.
#pragma once

#include <string>

#include "runtime/base/result.h"
#include "scheduler/local/cluster_choice.h"

namespace troupe::cli {

using scheduler::choose_cluster;
using scheduler::cluster_folder;
using scheduler::cluster_folders;
using scheduler::need_cluster;

/// Of one graph on a cluster: its tasks' own directories.
std::string graph_folder(const scheduler::ClusterFile& cluster, JobId graph);

/// The exit code for an error of theirs.
int exit_code_of(const Error& error);

}  // namespace troupe::cli
