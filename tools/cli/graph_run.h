// One graph on a cluster, from its submit to its end.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/api/session.h"
#include "runtime/base/result.h"
#include "scheduler/core/record.h"
#include "tools/cli/live_store.h"
#include "tools/cli/run_store.h"

namespace troupe::cli {

/// How far a run has come.
struct WorkProgress {
  std::size_t total = 0;
  std::size_t ended = 0;
  std::size_t failed = 0;
  std::size_t running = 0;  ///< 0 also: not known.

  double share() const { return total == 0 ? 1.0 : static_cast<double>(ended) / static_cast<double>(total); }
};
std::string describe(const WorkProgress& progress);  ///< `3 of 6 tasks ended, 2 running`

/// How a run ended.
struct RunEnd {
  enum class How { all_ended, interrupted, cluster_lost };
  How how = How::all_ended;
  std::string cause;                              ///< Of the cluster's loss.
  std::vector<scheduler::TaskProgress> progress;  ///< By place in the list of tasks; results are left out.
  TaskCounts counts() const;
};

class GraphRun {
 public:
  struct Listener {
    /// A task has ended; with its result.
    std::function<void(const TaskSpec&, const scheduler::TaskProgress&)> on_ended;
    /// Some time has passed: a few times a second.
    std::function<void(const WorkProgress&)> on_tick;
    /// What runs, twice a second; not of very large graphs.
    std::function<void(const std::string& name)> on_running;
    /// The first interrupt: the tasks are being cancelled.
    std::function<void()> on_cancel;
  };

  /// `graph`: its tasks and its joins.
  GraphRun(Session& session, LiveStore store, std::vector<TaskSpec> graph);

  /// Hands the graph over; when this returns well it is on disk.
  Result<void> submit(const JobInfo& job);

  enum class OnInterrupt { cancel, leave };
  /// Waits until every task has ended, those too that tasks of the graph add to it meanwhile. ^C once cancels what is
  /// left, and waits a little for that, or leaves it; twice gives up.
  RunEnd wait(const Listener& listener, OnInterrupt on_interrupt = OnInterrupt::cancel);

  /// Without joins: these end with the last before them, and nobody is told. Those that were added have an id and a
  /// name alone.
  const std::vector<TaskSpec>& tasks() const { return tasks_; }

 private:
  bool collect(const Listener& listener, RunEnd& end);
  Result<void> take_added(RunEnd& end);
  Result<std::vector<message::TaskSummary>> list_tasks();
  void cancel_all();
  void look_who_runs(const Listener& listener);

  Session& session_;
  LiveStore store_;
  std::vector<TaskSpec> tasks_;
  std::vector<TaskSpec> joins_;       // Until they are handed over.
  std::vector<ObjectPtr> ends_;       // By place, like tasks_.
  std::vector<std::size_t> pending_;  // Places of those that have not ended.
  WorkProgress work_;
};

}  // namespace troupe::cli
