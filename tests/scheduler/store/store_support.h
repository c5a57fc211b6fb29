// What the tests of the stores share.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "scheduler/store/task_store.h"
#include "tests/support/dice.h"

namespace troupe::scheduler::test {

using troupe::test::Dice;
using troupe::test::drawn;

constexpr ClusterId some_cluster{0x1111, 0x2222};

/// A folder of its own that is gone afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-store-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Lets `between` run and polls until the commit in flight is answered.
template <class Between>
CommitOutcome wait_for_outcome(TaskStore& store, Between between) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    if (auto outcome = store.poll()) return *outcome;
    REQUIRE(std::chrono::steady_clock::now() < limit);
    between();
    pollfd wait{store.descriptor(), static_cast<short>(POLLIN | (store.wants_write() ? POLLOUT : 0)), 0};
    ::poll(&wait, 1, 1);
  }
}
inline CommitOutcome wait_for_outcome(TaskStore& store) {
  return wait_for_outcome(store, [] {});
}
inline CommitOutcome commit(TaskStore& store, Batch batch) {
  store.commit(std::move(batch));
  return wait_for_outcome(store);
}

/// Commits, and says under which number. Requires: it goes well.
inline std::uint64_t committed(TaskStore& store, Batch batch) {
  const CommitOutcome outcome = commit(store, std::move(batch));
  if (const auto* lost = std::get_if<StoreLost>(&outcome)) FAIL(lost->error.message);
  REQUIRE(std::holds_alternative<Committed>(outcome));
  return std::get<Committed>(outcome).commit_seq;
}

inline StoredState opened(TaskStore& store) {
  auto state = store.open(some_cluster);
  if (!state) FAIL(state.error().message);
  return *state;
}

/// The fold of all committed batches: what a store must load.
class Model {
 public:
  void add(const Batch& batch) {
    for (const Write& write : batch) {
      if (const auto* job = std::get_if<SaveJob>(&write)) jobs_[job->job.id] = job->job;
      if (const auto* task = std::get_if<SaveTask>(&write)) tasks_[task->spec.id].spec = task->spec;
      if (const auto* progress = std::get_if<SaveProgress>(&write))
        tasks_[progress->task].progress = progress->progress;
    }
  }
  bool holds(const StoredState& state) const {
    if (state.jobs.size() != jobs_.size() || state.tasks.size() != tasks_.size()) return false;
    auto job = state.jobs.begin();
    for (const auto& [id, expected] : jobs_) {
      if (!(*job++ == expected)) return false;
    }
    auto task = state.tasks.begin();
    for (const auto& [id, expected] : tasks_) {
      if (!(*task++ == expected)) return false;
    }
    return true;
  }

 private:
  std::map<JobId, JobInfo> jobs_;
  std::map<TaskId, TaskRecord> tasks_;
};

inline TaskProgress draw_progress(Dice& dice) {
  TaskProgress progress;
  dice.draw(progress.state);
  dice.draw(progress.attempts);
  dice.draw(progress.failed_attempts);
  dice.draw(progress.result);
  dice.draw(progress.reason);
  return progress;
}

/// A batch that a scheduler could write: jobs before their tasks, tasks before their progress.
class BatchMaker {
 public:
  explicit BatchMaker(Dice& dice) : dice_(dice) {}

  Batch next(std::size_t writes) {
    Batch batch;
    while (batch.size() < writes) {
      if (jobs_.empty() || dice_.below(20) == 0) {
        auto job = drawn<JobInfo>(dice_);
        job.id.value |= 1;
        jobs_.push_back(job.id);
        batch.push_back(SaveJob{std::move(job)});
      } else if (tasks_.empty() || dice_.below(3) == 0) {
        auto spec = drawn<TaskSpec>(dice_);
        spec.id = {jobs_[dice_.below(jobs_.size())], static_cast<std::uint32_t>(tasks_.size())};
        tasks_.push_back(spec.id);
        batch.push_back(SaveTask{std::move(spec)});
      } else {
        batch.push_back(SaveProgress{tasks_[dice_.below(tasks_.size())], draw_progress(dice_)});
      }
    }
    return batch;
  }

 private:
  Dice& dice_;
  std::vector<JobId> jobs_;
  std::vector<TaskId> tasks_;
};

/// A job with tasks 0 … count-1.
inline Batch small_graph(JobId job, std::uint32_t count) {
  Batch batch = {SaveJob{{.id = job, .name = "graph", .program = "/bin/program", .durable = true}}};
  for (std::uint32_t number = 0; number < count; ++number) {
    batch.push_back(SaveTask{{.id = {job, number},
                              .name = "task " + std::to_string(number),
                              .work = CommandWork{.argv = {"/bin/true", std::to_string(number)}}}});
  }
  return batch;
}

}  // namespace troupe::scheduler::test
