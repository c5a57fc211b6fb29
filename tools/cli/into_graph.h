// `troupe submit --into-graph`: a task of a durable graph that adds tasks to it, while it runs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/api/session.h"
#include "runtime/base/result.h"

namespace troupe::cli {

/// The task that this process is, or was started by.
struct OwnTask {
  TaskId task;
  std::string graph;   ///< The name of its graph.
  std::string folder;  ///< Of its graph's run: where the directories of the tasks are.
};

/// Fails with: bad_input (this process is no command of a graph).
Result<OwnTask> own_task();

/// Tasks of one graph, numbered from 1, as a graph file or a command gives them.
using MakeTasks = std::function<std::vector<TaskSpec>(JobId, const std::string& folder)>;

/// Adds them to the graph of `own`; on disk when this returns well. How many there were, joins not counted.
///
/// One adds at a time, for the numbers and names that are taken are asked for first: it holds a lock of the graph.
/// Fails with: bad_input (a name that the graph has), refused (what the scheduler says), timed_out, unavailable.
Result<std::size_t> add_to_graph(Session& session, const OwnTask& own, const MakeTasks& make);

}  // namespace troupe::cli
