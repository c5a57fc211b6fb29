// Runs tasks, one after another: each prints into a log of its own, what it has begun is cancelled with it, and when
// its process is told to end one that heeds its stop token goes on to its own end.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "runtime/api/catalog.h"
#include "runtime/base/orders.h"
#include "runtime/worker/begun_file.h"
#include "runtime/worker/cancelled_calls.h"
#include "runtime/worker/task_output.h"
#include "runtime/worker/worker.h"

namespace troupe {

class TaskRunner {
 public:
  using Key = std::pair<TaskId, AttemptId>;

  /// All that is referred to outlives it.
  TaskRunner(const WorkerOptions& options, const Catalog& catalog, BegunFile& begun, CancelledCalls& cancelled)
      : options_(options), catalog_(catalog), begun_(begun), cancelled_(cancelled), output_(options.output_file) {}

  /// `on_wait` is told when its function waits for other work, and when it goes on.
  ///
  /// Requires: the order's work is a function, and all its inputs are there.
  AttemptReport run(const RunOrder& order, const std::function<void(bool)>& on_wait);

  /// Where the process was told to end it does, at once or after the task that runs. Cheap.
  ///
  /// Threads: any.
  void heed_termination();

  /// What is printed from now on is of this attempt, also of an actor's.
  void begin_output(const RunOrder& order);
  void end_output();
  TaskOutput& output() { return output_; }

 private:
  void set_runs(std::optional<Key> key);

  const WorkerOptions& options_;
  const Catalog& catalog_;
  BegunFile& begun_;
  CancelledCalls& cancelled_;
  TaskOutput output_;
  std::mutex mutex_;
  std::optional<Key> runs_;
  bool ends_after_ = false;  // The process, when that has ended.
};

}  // namespace troupe
