// Where the runs of local clusters stay: `$XDG_STATE_HOME/troupe/runs/TIME-ID/`, one folder a run, with its store, its
// tasks' own directories, a lock that is held while it is under way, and `run.json`, a summary that makes listing
// quick. The store is the truth.
//
// Invariants: a run whose lock is free is over, whatever `run.json` says (it was interrupted then); one whose lock is
// held is never removed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/result.h"
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

/// A run under way in this process. Its lock goes with it.
class RunInUse {
 public:
  /// Makes the folder, locks it, writes the first summary and removes the oldest runs beyond the last 100.
  ///
  /// Fails with: unavailable, one sentence with what to do.
  static Result<RunInUse> begin(JobId id, const std::string& name, std::size_t tasks);
  RunInUse(RunInUse&& other) noexcept;
  RunInUse& operator=(RunInUse&&) = delete;
  ~RunInUse();

  const RunSummary& summary() const { return summary_; }
  const std::string& folder() const { return summary_.folder; }
  std::string store_folder() const { return summary_.folder + "/store"; }

  /// Takes note of where the store answers.
  void set_socket(const std::string& socket);
  /// Writes the last summary.
  void end(RunState state, const TaskCounts& counts);

 private:
  RunInUse(RunSummary summary, int lock) : summary_(std::move(summary)), lock_(lock) {}

  RunSummary summary_;
  int lock_ = -1;
};

/// All runs, the newest first. What was interrupted is found to be so, and its summary brought up to date.
std::vector<RunSummary> list_runs();

/// Everything that the run's store holds.
///
/// Cost: about 20 ms for a run that is over: it starts a redis-server on the run's folder.
Result<scheduler::StoredState> open_run(const RunSummary& run);

}  // namespace troupe::cli
