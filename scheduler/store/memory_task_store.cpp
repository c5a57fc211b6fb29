#include "scheduler/store/memory_task_store.h"

namespace troupe::scheduler {

Result<StoredState> MemoryTaskStore::open(ClusterId cluster_if_new) {
  open_ = false;
  broken_.reset();
  outcome_.reset();
  const StoreAge found{disk_.cluster.value_or(cluster_if_new), disk_.epoch, disk_.commit_seq};
  if (seen_) {
    if (auto refusal = refuse_older("the memory store", found, *seen_)) return *refusal;
  }
  disk_.cluster = found.cluster;
  ++disk_.epoch;
  seen_ = StoreAge{found.cluster, disk_.epoch, disk_.commit_seq};
  open_ = true;

  StoredState state{.cluster = found.cluster, .epoch = disk_.epoch, .commit_seq = disk_.commit_seq};
  for (const auto& [id, job] : disk_.jobs) state.jobs.push_back(job);
  for (const auto& [id, spec] : disk_.specs) {
    const auto progress = disk_.progress.find(id);
    state.tasks.push_back({spec, progress == disk_.progress.end() ? TaskProgress{} : progress->second});
  }
  for (const auto& [id, summary] : disk_.summaries) state.summaries.push_back(summary);
  state.queues = disk_.queues;
  for (const auto& [key, result] : disk_.cached) state.cached.push_back(result);
  state.drained.assign(disk_.drained.begin(), disk_.drained.end());
  return state;
}

void MemoryTaskStore::commit(Batch batch) {
  TROUPE_CHECK(open_, "a store is opened before it commits");
  TROUPE_CHECK(!outcome_, "one commit at a time");
  if (!broken_) {
    CommitOutcome outcome = write(std::move(batch));
    if (!std::holds_alternative<Committed>(outcome)) broken_ = outcome;
    outcome_ = std::move(outcome);
  } else {
    outcome_ = broken_;
  }
}

CommitOutcome MemoryTaskStore::write(Batch batch) {
  const StoreAge found{disk_.cluster.value_or(ClusterId{}), disk_.epoch, disk_.commit_seq};
  if (disk_.epoch > seen_->epoch && found.cluster == seen_->cluster) return Fenced{disk_.epoch};
  if (auto refusal = refuse_older("the memory store", found, *seen_)) return StoreLost{*refusal};

  const DiskFault fault = std::exchange(disk_.next_fault, DiskFault::none);
  const StoreLost lost{{Fault::unavailable, "the memory store was told to break"}};
  if (fault == DiskFault::lost_before) return lost;
  for (Write& write : batch) {
    if (auto* job = std::get_if<SaveJob>(&write)) {
      const JobId id = job->job.id;
      disk_.jobs.insert_or_assign(id, std::move(job->job));
    } else if (auto* task = std::get_if<SaveTask>(&write)) {
      const TaskId id = task->spec->id;
      disk_.specs.insert_or_assign(id, std::move(*task->spec));
    } else if (auto* progress = std::get_if<SaveProgress>(&write)) {
      disk_.progress.insert_or_assign(progress->task, std::move(progress->progress));
    } else if (auto* summary = std::get_if<SaveSummary>(&write)) {
      const JobId id = summary->summary.job.id;
      erase(id);
      disk_.summaries.insert_or_assign(id, std::move(summary->summary));
    } else if (const auto* dropped = std::get_if<DropSummary>(&write)) {
      erase(dropped->job);
    } else if (const auto* queue = std::get_if<SaveQueue>(&write)) {
      apply(*queue, disk_.queues);
    } else if (const auto* message = std::get_if<SaveMessage>(&write)) {
      apply(*message, disk_.queues);
    } else if (auto* saved = std::get_if<SaveCached>(&write)) {
      std::string key = saved->cached.key;
      disk_.cached.insert_or_assign(std::move(key), std::move(saved->cached));
    } else if (const auto* dropped = std::get_if<DropCached>(&write)) {
      disk_.cached.erase(dropped->key);
    } else if (const auto* drain = std::get_if<SaveDrain>(&write)) {
      if (drain->drains) {
        disk_.drained.insert(drain->node);
      } else {
        disk_.drained.erase(drain->node);
      }
    }
  }
  seen_->commit_seq = ++disk_.commit_seq;
  if (fault == DiskFault::lost_after) return lost;
  return Committed{disk_.commit_seq};
}

void MemoryTaskStore::erase(JobId job) {
  disk_.jobs.erase(job);
  disk_.summaries.erase(job);
  std::erase_if(disk_.specs, [job](const auto& each) { return each.first.job == job; });
  std::erase_if(disk_.progress, [job](const auto& each) { return each.first.job == job; });
}

std::optional<CommitOutcome> MemoryTaskStore::poll() {
  if (disk_.holds_answers) return std::nullopt;
  return std::exchange(outcome_, std::nullopt);
}

}  // namespace troupe::scheduler
