// Attempts of a graph, of a driver or of a whole cluster as a Chrome trace (the JSON that Perfetto and chrome://tracing
// open).
//
// A node is a process of the trace. Attempts that overlap on a node stand in lanes, its threads: as many as there were
// at once. An arrow leads to each task from the one before it that ended last: the one that it waited for.
//
// Source: "Trace Event Format", the document that Chrome's tracing points to.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/core/record.h"
#include "tools/cli/task_report.h"

namespace troupe::cli {

struct TraceCounts {
  std::size_t attempts = 0;
  std::size_t nodes = 0;
};

struct TraceOf {
  std::optional<TaskId> only;  ///< Of all: this task.
  bool knows_needs = true;     ///< What the tasks say that they need.
};

/// Hands the trace's text to `write`, a piece at a time. An attempt that is under way lasts until now. `owner`: whose
/// tasks they are; one without an id: of several.
///
/// Units: times in the trace are microseconds since the first start, which stands in `otherData`.
TraceCounts write_trace(const TaskOwner& owner, const std::vector<scheduler::TaskRecord>& tasks, const TraceOf& of,
                        const std::function<void(const std::string&)>& write);

}  // namespace troupe::cli
