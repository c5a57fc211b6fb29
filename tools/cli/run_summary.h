// What is told of a run without looking into its store: how its tasks stand, and the text of `run.json`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/task_spec.h"
#include "scheduler/core/record.h"

namespace troupe::cli {

enum class RunState { running, done, failed, cancelled, interrupted };
const char* to_text(RunState state);

/// Tasks in each TaskState.
struct TaskCounts {
  std::array<std::size_t, 7> counts{};
  std::size_t& operator[](TaskState state) { return counts[static_cast<std::size_t>(state)]; }
  std::size_t operator[](TaskState state) const { return counts[static_cast<std::size_t>(state)]; }
  std::size_t sum() const;
  bool all_final() const;
};
/// `5 tasks: 4 done, 1 failed`
std::string describe(const TaskCounts& counts);
TaskCounts count_states(const std::vector<scheduler::TaskRecord>& tasks);

struct RunSummary {
  JobId id;
  std::string name;    ///< Of the graph.
  std::string folder;  ///< Absolute.
  RunState state = RunState::running;
  std::int64_t started_ms = 0;  ///< Since 1970. 0: not yet.
  std::int64_t ended_ms = 0;    ///< 0: not yet, or nobody saw it.
  TaskCounts tasks;
  std::string socket;  ///< Of its store, while the run is under way.

  /// 0 until it has both begun and ended.
  std::int64_t wall_ms() const { return started_ms == 0 || ended_ms == 0 ? 0 : ended_ms - started_ms; }
};

/// The state of a run by its tasks, once all have ended.
RunState run_state_of(const TaskCounts& counts);

/// One line of JSON, without its folder.
std::string to_json(const RunSummary& run);
/// Nothing: it is none.
std::optional<RunSummary> run_summary_from(std::string_view json);

}  // namespace troupe::cli
