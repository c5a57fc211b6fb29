// What is watched from outside all processes: the invariants of reliability that no single one can see. Numbers are
// those of its table. What can be seen at one scheduler is core_watch.h's.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/agent/agent_messages.h"
#include "scheduler/core/record.h"
#include "scheduler/simulation/store_model.h"
#include "scheduler/simulation/task_book.h"

namespace troupe::scheduler::sim {

struct Counts {
  std::uint64_t events = 0;  ///< That a scheduler took.
  std::uint64_t tasks_done = 0;
  std::uint64_t tasks_ended = 0;
  std::uint64_t attempts = 0;
  std::uint64_t schedulers = 0;  ///< That became active.
  std::uint64_t faults = 0;
  std::uint64_t grants = 0;    ///< Of locks, semaphores, messages.
  std::uint64_t messages = 0;  ///< Acknowledged ones.
};

/// Names an attempt; no other one has the same.
std::string text_of_attempt(TaskId task, AttemptId attempt);
/// The result that it has: that text as JSON.
Bytes result_of(TaskId task, AttemptId attempt);
/// Whose result it is.
TaskId task_of(const Bytes& result);
/// `task 3.17`: for messages of witnesses.
std::string name_of(TaskId task);

class Witness {
 public:
  void breaks(std::string invariant);
  const std::string& broken() const { return broken_; }

  /// A scheduler of cluster `own` starts from what it loaded.
  void opens(const StoredState& loaded, ClusterId own, const StoreModel& store);
  /// A scheduler's batch is about to be carried out by the store.
  void commits(const StoreAge& writer, const Batch* batch, const StoreModel& store);
  /// The work of an attempt is done: from now on its result may be published.
  void finishes(const Bytes& result) { finished_.insert(result); }
  /// It may be published as one that was known.
  bool is_finished(const Bytes& result) const { return finished_.contains(result); }
  /// An agent starts to run an attempt.
  void starts(const RunOrder& order, const AgentIdentity& agent, const StoreModel& store);
  /// The results that the attempt with this one was handed.
  const std::vector<Bytes>& used_by(const Bytes& result) const;

  Counts counts;
  bool nothing_goes_wrong = false;  ///< Then nothing may be repeated.

 private:
  void check_progress(const SaveProgress& saved, const StoreContents& before);
  /// Of a task that is done with a result from the cache.
  void check_known(const SaveProgress& saved);

  std::string broken_;
  std::unordered_set<TaskId> joins_;  // lookup only
  struct Start {
    AttemptId attempt;
    NodeId node;
    std::uint64_t incarnation = 0;
    friend bool operator==(const Start&, const Start&) = default;
  };
  TaskBook<std::vector<Start>> started_;
  std::unordered_set<Bytes> finished_;
  std::unordered_map<Bytes, std::vector<Bytes>> used_;  // lookup only
};

}  // namespace troupe::scheduler::sim
