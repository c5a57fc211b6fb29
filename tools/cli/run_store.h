// Where the runs of local clusters stay: `$XDG_STATE_HOME/troupe/runs/TIME-ID/`, one folder a run, with its store, its
// tasks' own directories, a lock that is held while it is under way, and `run.json`, a summary that makes listing
// quick. The store is the truth.
//
// Invariants: a run whose lock is free is over, whatever `run.json` says (it was interrupted then); one whose lock is
// held is never removed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/result.h"
#include "scheduler/core/record.h"
#include "tools/cli/run_summary.h"

namespace troupe::cli {

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
