// The store without a disk: the model that the real one is compared with, and what simulations run on.
//
// The disk is a value apart from the stores that use it, so a test can "restart" a scheduler by opening a second store
// on the same disk, let two of them fence each other, and copy the disk back to roll it back.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "runtime/base/store_age.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

/// What the next commit on a disk meets.
enum class DiskFault {
  none,
  lost_before,  // the store breaks, and the batch is not on disk
  lost_after,   // the store breaks, and the batch is on disk
};

struct MemoryDisk {
  std::optional<ClusterId> cluster;  ///< None: a new disk.
  std::uint32_t epoch = 0;
  std::uint64_t commit_seq = 0;
  std::map<JobId, JobInfo> jobs;
  std::map<TaskId, TaskSpec> specs;
  std::map<TaskId, TaskProgress> progress;
  std::map<JobId, GraphSummary> summaries;
  StoredQueues queues;
  std::map<std::string, CachedResult> cached;
  std::set<NodeId> drained;

  DiskFault next_fault = DiskFault::none;  ///< Used up by the commit that meets it.
  bool holds_answers = false;              ///< A slow disk: commits are written, and answered once this is false again.
};

class MemoryTaskStore final : public TaskStore {
 public:
  /// Requires: `disk` outlives this store. With `seen`, an older or foreign disk is refused.
  explicit MemoryTaskStore(MemoryDisk& disk, std::optional<StoreAge> seen = std::nullopt) : disk_(disk), seen_(seen) {}

  Result<StoredState> open(ClusterId cluster_if_new) override;
  void commit(Batch batch) override;
  std::optional<CommitOutcome> poll() override;
  int descriptor() const override { return -1; }
  bool wants_write() const override { return false; }

 private:
  CommitOutcome write(Batch batch);
  void erase(JobId job);

  MemoryDisk& disk_;
  std::optional<StoreAge> seen_;
  bool open_ = false;
  std::optional<CommitOutcome> broken_;  // a fence or a loss stays until the next open()
  std::optional<CommitOutcome> outcome_;
};

}  // namespace troupe::scheduler
