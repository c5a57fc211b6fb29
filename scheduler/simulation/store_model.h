// The store in memory: the fold of the batches that were committed.
#pragma once

#include <map>

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
      if (const auto* summary = std::get_if<SaveSummary>(&write)) {
        const JobId job = summary->summary.job.id;
        jobs_.erase(job);
        std::erase_if(tasks_, [job](const auto& each) { return each.first.job == job; });
      }
      if (const auto* queue = std::get_if<SaveQueue>(&write)) scheduler::apply(*queue, queues_);
      if (const auto* message = std::get_if<SaveMessage>(&write)) scheduler::apply(*message, queues_);
    }
  }

  /// Takes the next epoch and reads everything.
  StoredState open() {
    StoredState state{.epoch = ++epoch_};
    for (const auto& [id, job] : jobs_) state.jobs.push_back(job);
    for (const auto& [id, record] : tasks_) state.tasks.push_back(record);
    state.queues = queues_;
    return state;
  }

  std::uint32_t epoch() const { return epoch_; }
  const std::map<TaskId, TaskRecord>& tasks() const { return tasks_; }
  const std::map<JobId, JobInfo>& jobs() const { return jobs_; }
  const StoredQueues& queues() const { return queues_; }

 private:
  std::uint32_t epoch_ = 0;
  std::map<JobId, JobInfo> jobs_;
  std::map<TaskId, TaskRecord> tasks_;
  StoredQueues queues_;
};

}  // namespace troupe::scheduler::sim
