// The server of the store: what it holds, who is connected, whose WATCH still holds. What a connection asks it answers
// at once; delays and losses are the client's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "runtime/base/store_age.h"
#include "scheduler/core/record.h"
#include "scheduler/simulation/scenario.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler::sim {

struct StoreContents {
  StoreAge age;
  std::map<JobId, JobInfo> jobs;
  std::map<TaskId, TaskRecord> tasks;
  std::map<JobId, GraphSummary> summaries;
  StoredQueues queues;
  std::map<std::string, CachedResult> cached;
  std::set<NodeId> drained;

  void apply(const Write& write);
  StoredState loaded() const;
  /// Whether that is all that is here.
  bool matches(const StoredState& loaded) const;
};

class StoreModel {
 public:
  using Connection = std::uint64_t;

  explicit StoreModel(ClusterId cluster) : contents_{.age = {.cluster = cluster}} {}

  // --- the server's life
  bool is_up() const { return is_up_; }
  void crash();
  void restart() { is_up_ = true; }
  /// Its files as they were before, or another cluster's; the newest are kept aside. Requires: it is down.
  void replace(StoreContents files);
  /// Puts the newest files back, newer than anything that was seen meanwhile. Requires: it is down.
  void put_back();
  bool is_replaced() const { return newest_.has_value(); }
  bool was_replaced() const { return was_replaced_; }

  // --- what a connection asks. Requires: the server is up.
  Connection connect();
  void disconnect(Connection connection) { watched_.erase(connection); }
  /// False once the server has been down since.
  bool holds(Connection connection) const { return watched_.contains(connection); }
  const StoreAge& age() const { return contents_.age; }
  StoreAge take_epoch();
  void watch(Connection connection) { watched_.at(connection) = epochs_taken_; }
  bool will_execute(Connection connection) const;
  /// MULTI … EXEC: false is nil, nothing was written. Nothing to write: only the number.
  bool execute(Connection connection, const Batch* batch, std::uint64_t commit_seq);

  const StoreContents& contents() const { return contents_; }

  /// The lease of the active scheduler: true when it is held by `holder` from now on.
  bool lease(std::uint64_t holder, Time now, Time length);

 private:
  bool is_up_ = true;
  StoreContents contents_;
  std::optional<StoreContents> newest_;
  bool was_replaced_ = false;
  std::uint64_t epochs_taken_ = 0;
  Connection last_connection_ = 0;
  std::map<Connection, std::optional<std::uint64_t>> watched_;
  std::uint64_t lease_holder_ = 0;
  Time lease_until_{0};
};

}  // namespace troupe::scheduler::sim
