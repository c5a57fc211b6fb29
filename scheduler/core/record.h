// What the store keeps of durable work, and what a scheduler starts from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/orders.h"
#include "runtime/base/task_spec.h"
#include "scheduler/sync/records.h"

namespace troupe::scheduler {

/// How far a task has come. Its spec never changes and is kept apart, so a change writes only this.
struct TaskProgress {
  TaskState state = TaskState::waiting;
  std::vector<AttemptRecord> attempts;  ///< In order; the last is open while the task runs.
  std::int32_t failed_attempts = 0;
  Bytes result;
  std::string reason;  ///< Why it was skipped, cancelled or failed.
  friend bool operator==(const TaskProgress&, const TaskProgress&) = default;
};

struct TaskRecord {
  TaskSpec spec;
  TaskProgress progress;
  friend bool operator==(const TaskRecord&, const TaskRecord&) = default;
};

/// All that is durable. Jobs by id, tasks by id, each once.
struct StoredState {
  ClusterId cluster;
  std::uint32_t epoch = 0;  ///< Of the scheduler that loads it: already raised.
  std::uint64_t commit_seq = 0;
  std::vector<JobInfo> jobs;
  std::vector<TaskRecord> tasks;
  StoredQueues queues;  ///< Durable ones.
  friend bool operator==(const StoredState&, const StoredState&) = default;
};

}  // namespace troupe::scheduler
