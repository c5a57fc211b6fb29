// Which log files an id leads to: those of commands lie in the directories of their tasks, those of all else in the
// folders of logs of the nodes (runtime/worker/task_log.h).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "scheduler/local/cluster_file.h"
#include "tools/cli/graph_source.h"

namespace troupe::cli {

struct AttemptLog {
  std::string graph;  ///< Its name; empty for a driver's own.
  std::string task;   ///< Its name.
  AttemptId attempt;
  bool is_over = false;  ///< All that it printed is written.
  std::string file;      ///< It need not be there.
};

struct LogsFound {
  bool is_one_task = false;
  bool is_over = false;              ///< Nothing more will be written, and no attempt added.
  std::vector<AttemptLog> attempts;  ///< By task, in order.
};

/// The folders of logs of a cluster's nodes on this machine.
std::vector<std::string> log_folders(const scheduler::ClusterFile& cluster);

/// Where `logs` looks: a cluster, or the runs of this machine.
class LogFinder {
 public:
  /// Fails with: see choose_cluster.
  static Result<LogFinder> choose(const std::string& cluster_option);

  /// `id` is what find_in takes, or find_live; and of what a driver owned that is gone.
  ///
  /// Fails with: not_found, and what find_in does.
  Result<LogsFound> find(const std::string& id);

 private:
  LogFinder(std::optional<scheduler::ClusterFile> cluster, std::unique_ptr<GraphSource> source)
      : cluster_(std::move(cluster)), source_(std::move(source)) {}
  std::vector<std::string> folders(const std::string& run_folder) const;
  LogsFound of_graph(const Found& found) const;
  Result<LogsFound> of_driver(const std::string& id, const Error& unknown);

  std::optional<scheduler::ClusterFile> cluster_;
  std::unique_ptr<GraphSource> source_;
};

}  // namespace troupe::cli
