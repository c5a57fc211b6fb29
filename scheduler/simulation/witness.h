// What is watched from outside the scheduler, after every event: the invariants of reliability that no single process
// can see. Numbers are those of its table.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "scheduler/core/describe.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/simulation/store_model.h"

namespace troupe::scheduler::sim {

struct Counts {
  std::uint64_t events = 0;
  std::uint64_t tasks_done = 0;
  std::uint64_t tasks_ended = 0;
  std::uint64_t attempts = 0;
  std::uint64_t losses = 0;
  std::uint64_t restarts = 0;
};

/// Names an attempt; no other one has the same.
std::string text_of_attempt(TaskId task, AttemptId attempt);
/// The result that it has: that text as JSON.
Bytes result_of(TaskId task, AttemptId attempt);

class Witness {
 public:
  /// Before the first event of a scheduler that starts from what the store holds.
  void scheduler_started(const StoreModel& store);
  void saw(Time now, const Event& event, const Effects& effects, const Scheduler& scheduler);
  /// An effect goes out, after the commit of what it follows.
  void sent(const Effect& effect, const StoreModel& store);
  void breaks(std::string invariant);
  /// Mixes a line into the trace, so that two runs can be compared.
  void trace(std::string_view line);

  const std::string& broken() const { return broken_; }
  std::uint64_t hash() const { return hash_; }
  const Counts& counts() const { return counts_; }

  bool is_printing = false;

 private:
  void check_run(const RunTask& run);
  void check_end(const TellTaskEnded& ended);
  void check_progress(Time now, const SaveProgress& saved);
  void check_cancel(const CancelRequested& cancel, const Effects& effects, const Scheduler& scheduler);
  void check_store(const Scheduler& scheduler);

  std::string broken_;
  std::uint64_t hash_ = 0xcbf29ce484222325u;
  Counts counts_;
  std::uint32_t epoch_ = 0;
  StoreModel expected_;  // with what was written and is not committed yet
  std::set<JobId> durable_;
  // Of driver-owned tasks: in this epoch. A restarted scheduler knows of them only what drivers and nodes tell it.
  std::map<TaskId, AttemptId> highest_attempt_;
  std::map<TaskId, std::pair<TaskState, Bytes>> ended_;
  std::set<TaskId> cancelled_;
  std::set<Bytes> done_;  // results of attempts that were done
  std::map<std::pair<DriverId, std::uint64_t>, TasksSubmitted> submits_;
};

}  // namespace troupe::scheduler::sim
