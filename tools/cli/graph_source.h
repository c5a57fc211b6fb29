// Where `list` and `get` look: the finished and interrupted runs of the state folder, or a cluster that runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "scheduler/core/record.h"
#include "scheduler/local/cluster_file.h"
#include "tools/cli/live_work.h"
#include "tools/cli/run_store.h"
#include "tools/cli/task_report.h"

namespace troupe::cli {

class GraphSource {
 public:
  virtual ~GraphSource() = default;

  /// Whether a graph of this id and name is looked for. Empty: all are.
  using Wanted = std::function<bool(JobId id, const std::string& name)>;

  /// The newest first. What is not wanted may be left out, and then costs next to nothing.
  virtual Result<std::vector<RunSummary>> graphs(const Wanted& wanted) = 0;
  /// Jobs and tasks of one of them.
  virtual Result<scheduler::StoredState> open(const RunSummary& graph) = 0;
  virtual const NodeNames& nodes() = 0;
  /// What the scheduler knows besides; nullptr where none is asked.
  virtual LiveWork* live() { return nullptr; }
};

std::unique_ptr<GraphSource> runs_of_this_machine();

/// Reads the cluster's store when it is asked for graphs; nodes are asked of its scheduler.
std::unique_ptr<GraphSource> graphs_of(const scheduler::ClusterFile& cluster);

/// What `--cluster` leads to. Fails with: see choose_cluster.
Result<std::unique_ptr<GraphSource>> choose_source(const std::string& option);

/// Finds a graph by its id, by the beginning of its id (4 digits or more), or the newest by its name.
///
/// Fails with: not_found, bad_input (more than one begins so), and what graphs() does.
Result<RunSummary> find_graph(GraphSource& source, std::string_view text);

/// What an id names: a graph, and a task of it if one is meant.
struct Found {
  RunSummary graph;
  scheduler::StoredState stored;
  std::optional<TaskId> task;  ///< One of those in `stored`.
};

/// `id` is of a graph (or its name), of a task, or GRAPH/TASK.
///
/// Fails with: not_found, and what find_graph does.
Result<Found> find_in(GraphSource& source, const std::string& id);

}  // namespace troupe::cli
