// What the store keeps of durable work, and what a scheduler starts from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/orders.h"
#include "runtime/base/task_spec.h"
#include "scheduler/sync/records.h"

namespace troupe::scheduler {

/// What came of a task's condition: decided once, so that no later scheduler decides otherwise.
enum class Branch : std::uint8_t { undecided, taken, not_taken };

/// How far a task has come. Its spec never changes and is kept apart, so a change writes only this.
struct TaskProgress {
  TaskState state = TaskState::waiting;
  Branch branch = Branch::undecided;   ///< not_taken also: what hangs on such a task alone.
  bool cached = false;                 ///< Done without an attempt: its result was known.
  std::int32_t failed_attempts = 0;    ///< Of the present iteration.
  std::uint32_t iteration = 0;         ///< Of a task that repeats: runs that were done before this one.
  std::int64_t retry_at_ms = 0;        ///< Waits until then for its next attempt; 0: it does not.
  RareVector<AttemptRecord> attempts;  ///< In order; the last is open while the task runs.
  Bytes result;
  std::string reason;  ///< Why it was skipped, cancelled or failed.
  friend bool operator==(const TaskProgress&, const TaskProgress&) = default;
};

struct TaskRecord {
  TaskSpec spec;
  TaskProgress progress;
  friend bool operator==(const TaskRecord&, const TaskRecord&) = default;
};

/// What is left of a graph that ended long ago.
struct GraphSummary {
  JobInfo job;
  std::vector<std::uint32_t> tasks;  ///< How many ended in each TaskState, joins not counted.
  std::int64_t started_ms = 0;       ///< Since 1970; 0: none of its tasks ever ran.
  std::int64_t ended_ms = 0;
  friend bool operator==(const GraphSummary&, const GraphSummary&) = default;
};

/// A result that was published for what `key` is the digest of: see result_cache.h.
struct CachedResult {
  std::string key;  ///< 32 bytes.
  Bytes result;
  std::int64_t saved_ms = 0;
  friend bool operator==(const CachedResult&, const CachedResult&) = default;
};

/// All that is durable. Jobs by id, tasks by id, cached results by key, drained nodes by id, each once;
/// a job that was compacted is a summary only.
struct StoredState {
  ClusterId cluster;
  std::uint32_t epoch = 0;  ///< Of the scheduler that loads it: already raised.
  std::uint64_t commit_seq = 0;
  std::vector<JobInfo> jobs;
  std::vector<TaskRecord> tasks;
  std::vector<GraphSummary> summaries;  ///< By the job's id.
  StoredQueues queues;                  ///< Durable ones.
  std::vector<CachedResult> cached;
  std::vector<NodeId> drained;  ///< Nodes that take no new work.
  friend bool operator==(const StoredState&, const StoredState&) = default;
};

}  // namespace troupe::scheduler
