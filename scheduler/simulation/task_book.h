// Something about each task of a scenario, found by its id without a search: jobs and tasks are numbered from 1.
#pragma once

#include <span>
#include <vector>

#include "runtime/base/ids.h"

namespace troupe::scheduler::sim {

template <class Entry>
class TaskBook {
 public:
  /// Made when it is not there.
  Entry& operator[](TaskId task) {
    if (task.job.value >= jobs_.size()) jobs_.resize(task.job.value + 1);
    auto& tasks = jobs_[task.job.value];
    if (task.number >= tasks.size()) tasks.resize(task.number + 1);
    return tasks[task.number];
  }

  /// All of a job that were made.
  std::span<Entry> of(JobId job) {
    return job.value < jobs_.size() ? std::span<Entry>(jobs_[job.value]) : std::span<Entry>();
  }

 private:
  std::vector<std::vector<Entry>> jobs_;
};

}  // namespace troupe::scheduler::sim
