// What the scheduler of a cluster knows at present, beside what its store holds: the jobs of drivers with their tasks
// and actors, what runs on each node, and why each task waits. Of a driver's tasks those that have ended and were let
// go of are forgotten.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/api/session.h"
#include "runtime/base/result.h"
#include "scheduler/core/record.h"
#include "scheduler/local/cluster_file.h"
#include "tools/cli/task_report.h"

namespace troupe::cli {

class LiveWork {
 public:
  explicit LiveWork(scheduler::ClusterFile cluster) : cluster_(std::move(cluster)) {}

  const scheduler::ClusterFile& cluster() const { return cluster_; }
  /// Connects when it is first asked for.
  Result<SessionCore*> core();

  /// Those of drivers first, the newest first; not the one of this program.
  Result<std::vector<message::JobSummary>> jobs();
  /// Of these the ones with tasks that have not ended.
  Result<std::vector<message::JobSummary>> busy_jobs();
  Result<std::vector<message::TaskSummary>> tasks(const message::AskTasks& wanted);
  /// Hands them to `take`, some at a time, until that says that it has enough: false.
  Result<void> tasks(const message::AskTasks& wanted,
                     const std::function<bool(std::vector<message::TaskSummary>&& some)>& take);
  /// Nothing: the scheduler does not know it.
  Result<std::optional<message::TaskTold>> task(TaskId task);
  Result<message::ClusterStatus> status(bool with_queue = false);
  /// As far as they are known.
  const NodeNames& nodes();

 private:
  const scheduler::ClusterFile cluster_;
  std::optional<Session> session_;
  std::optional<NodeNames> nodes_;
};

bool is_drivers(const message::JobSummary& job);
/// `driver` or `graph`
const char* kind_of(const message::JobSummary& job);
TaskCounts counts_of(const message::JobSummary& job);
TaskCounts counts_of(const message::JobSummary& job);
/// Tasks that have not ended.
std::uint64_t open_tasks_of(const message::JobSummary& job);
/// A driver's job runs as long as the driver is there.
RunState state_of(const message::JobSummary& job);

/// What a driver owns: a job, and a task or an actor of it if one is meant.
struct FoundLive {
  message::JobSummary job;
  std::optional<message::TaskSummary> task;
};

/// `id` is of a driver's task or actor, of a driver's job (or the beginning of that, 4 digits or more, or its name),
/// JOB/TASK, or the name of an actor.
///
/// Fails with: not_found, bad_input (it names several), and what asking the scheduler fails with.
Result<FoundLive> find_live(LiveWork& live, const std::string& id);

/// As the store would have it, as far as it is known.
scheduler::TaskRecord record_of(const message::TaskSummary& task);
scheduler::TaskRecord record_of(const message::TaskTold& told);

}  // namespace troupe::cli
