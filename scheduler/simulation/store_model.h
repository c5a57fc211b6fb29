// The store in memory: the fold of the batches that were committed.
#pragma once

#include <map>
#include <set>
#include <string>

#include "scheduler/core/effect.h"
#include "scheduler/core/record.h"

namespace troupe::scheduler::sim {

class StoreModel {
 public:
  void apply(const Effects& writes) {
    for (const auto& write : writes) {
      if (const auto* job = std::get_if<SaveJob>(&write)) jobs_[job->job.id] = job->job;
      if (const auto* task = std::get_if<SaveTask>(&write)) tasks_[task->spec.id].spec = task->spec;
      if (const auto* progress = std::get_if<SaveProgress>(&write))
        tasks_[progress->task].progress = progress->progress;
      if (const auto* saved = std::get_if<SaveCached>(&write)) cached_[saved->cached.key] = saved->cached;
      if (const auto* dropped = std::get_if<DropCached>(&write)) cached_.erase(dropped->key);
      if (const auto* drain = std::get_if<SaveDrain>(&write)) {
        drained_.erase(drain->node);
        if (drain->drains) drained_.insert(drain->node);
      }
    }
  }

  /// Takes the next epoch and reads everything.
  StoredState open() {
    StoredState state{.epoch = ++epoch_};
    for (const auto& [id, job] : jobs_) state.jobs.push_back(job);
    for (const auto& [id, record] : tasks_) state.tasks.push_back(record);
    for (const auto& [key, result] : cached_) state.cached.push_back(result);
    state.drained.assign(drained_.begin(), drained_.end());
    return state;
  }

  std::uint32_t epoch() const { return epoch_; }
  const std::map<TaskId, TaskRecord>& tasks() const { return tasks_; }
  const std::map<JobId, JobInfo>& jobs() const { return jobs_; }

 private:
  std::uint32_t epoch_ = 0;
  std::map<JobId, JobInfo> jobs_;
  std::map<TaskId, TaskRecord> tasks_;
  std::map<std::string, CachedResult> cached_;
  std::set<NodeId> drained_;
};

}  // namespace troupe::scheduler::sim
