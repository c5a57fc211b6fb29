// A task graph as its file says it, checked as a whole, and the tasks that it stands for.
//
// Invariants of a GraphFile without errors: names are unique; the edges make no cycle; each result that a string names
// is of a task in the `after` of its entry; `compile` cannot fail.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/resources.h"
#include "runtime/base/task_spec.h"

namespace troupe::cli {

/// An entry of the file, or one task of an entry with `each`; an entry with `each` and no element means all its tasks.
struct TaskRef {
  std::uint32_t entry = 0;
  std::optional<std::uint32_t> element;
  friend auto operator<=>(const TaskRef&, const TaskRef&) = default;
};

/// A piece of a string whose names were looked up.
struct GraphTextPiece {
  enum class Kind { text, each_key, directory, result };
  Kind kind = Kind::text;
  std::string text;        ///< Of a result: the way into it, as in `.loss[0]`.
  std::uint32_t each = 0;  ///< Which key of `each`.
  TaskRef task;            ///< Whose result.
  friend bool operator==(const GraphTextPiece&, const GraphTextPiece&) = default;
};
using GraphText = std::vector<GraphTextPiece>;

struct EachKey {
  std::string name;
  std::vector<std::string> values;
  friend bool operator==(const EachKey&, const EachKey&) = default;
};

/// One stage of a pipeline.
struct GraphStage {
  std::optional<Resources> needs;  ///< In place of the task's.
  std::int64_t bytes_to_next = 0;
  friend bool operator==(const GraphStage&, const GraphStage&) = default;
};

/// The members of one entry that start together.
struct GraphGang {
  std::uint32_t size = 1;
  GangPolicy policy = GangPolicy::data;
  std::uint32_t stages = 1;            ///< Of each pipeline of a mesh.
  std::vector<GraphStage> each_stage;  ///< Of a chain or of each pipeline of a mesh; empty: all alike.
  friend bool operator==(const GraphGang&, const GraphGang&) = default;
};

/// A condition whose names were looked up: name in the text -> whose result. Of `repeat`, the task's own.
struct GraphCondition {
  std::string text;
  std::vector<std::pair<std::string, TaskRef>> results;
  friend bool operator==(const GraphCondition&, const GraphCondition&) = default;
};

/// How the tasks of an entry choose, loop, try again and are placed.
struct GraphControl {
  std::int32_t priority = 0;
  bool preemptible = false;
  bool spreads = false;
  bool cache = false;
  RetryRule retry;
  std::optional<GraphGang> gang;
  std::optional<GraphCondition> when;
  std::optional<GraphCondition> repeat_while;
  std::uint32_t at_most = 1;
  friend bool operator==(const GraphControl&, const GraphControl&) = default;
};

/// What stands under one name in `tasks`: one task, or with `each` one for every combination of the values, the last
/// key running fastest.
struct GraphEntry {
  std::string name;
  std::vector<EachKey> each;
  std::vector<TaskRef> after;  ///< Sorted, each once.
  std::vector<GraphText> command;
  std::vector<std::pair<std::string, GraphText>> environment;
  GraphText working_directory;  ///< Relative to the file's folder.
  Resources needs;
  std::vector<std::string> locks;         ///< Sorted.
  std::vector<SemaphoreNeed> semaphores;  ///< Sorted by name.
  std::int32_t max_attempts = 1;
  std::chrono::milliseconds timeout{0};
  GraphControl control;  ///< The members of a gang are the combinations with one more key of `each`, `rank`.

  bool has_each() const { return !each.empty(); }
  std::uint32_t size() const;  ///< Tasks.
  friend bool operator==(const GraphEntry&, const GraphEntry&) = default;
};

struct GraphFile {
  std::string name;    ///< The file's own without its ending, if it does not say.
  std::string folder;  ///< Absolute. Commands run here, unless `cwd` says otherwise.
  std::vector<GraphEntry> entries;

  std::size_t size() const;  ///< Tasks.
  /// `prepare`, `train[2]`
  std::string task_name(std::uint32_t entry, std::uint32_t element) const;
};

struct ReadGraph {
  GraphFile graph;
  /// One line for each thing that is wrong, in the order of the file: `graph.yaml:12:7: found …, expected …`.
  std::vector<std::string> errors;
};

/// Reads and checks a graph file. `capacity`, if there is one, is the largest node: needs beyond it are errors.
ReadGraph read_graph_file(const std::string& path, const NodeCapacity* capacity);

/// The same of a text; `path` names it in messages, and its folder.
ReadGraph read_graph_text(const std::string& path, std::string_view text, const NodeCapacity* capacity);

/// The graph's tasks, numbered from 1 in the order of the file; then the joins of groups that very many come after.
///
/// `run_directory` (absolute) takes each task's own directory: `RUN/tasks/prepare`, `RUN/tasks/train.2`.
/// Requires: the graph was read without errors.
std::vector<TaskSpec> compile(const GraphFile& graph, JobId job, const std::string& run_directory);

/// Where a task's own directory lies.
std::string task_directory(const std::string& run_directory, const std::string& task_name);

/// What `needs` asks for that a machine of `capacity` can never give: `needs 64 cpus; this machine has 2`; else empty.
std::string beyond_capacity(const Resources& needs, const NodeCapacity& capacity);

}  // namespace troupe::cli
