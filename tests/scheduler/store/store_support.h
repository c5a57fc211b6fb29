// What the tests of the stores share.
#pragma once

#include <poll.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "scheduler/store/task_store.h"
#include "tests/support/dice.h"
#include "tests/support/folder.h"

namespace troupe::scheduler::test {

using troupe::test::Dice;
using troupe::test::drawn;
using troupe::test::Folder;

constexpr ClusterId some_cluster{0x1111, 0x2222};

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
      if (const auto* task = std::get_if<SaveTask>(&write)) tasks_[task->spec->id].spec = *task->spec;
      if (const auto* progress = std::get_if<SaveProgress>(&write))
        tasks_[progress->task].progress = progress->progress;
      if (const auto* saved = std::get_if<SaveCached>(&write)) cached_[saved->cached.key] = saved->cached;
      if (const auto* dropped = std::get_if<DropCached>(&write)) cached_.erase(dropped->key);
      if (const auto* drain = std::get_if<SaveDrain>(&write)) {
        drained_.erase(drain->node);
        if (drain->drains) drained_.insert(drain->node);
      }
      if (const auto* queue = std::get_if<SaveQueue>(&write)) apply(*queue, queues_);
      if (const auto* message = std::get_if<SaveMessage>(&write)) apply(*message, queues_);
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
    std::vector<CachedResult> cached;
    for (const auto& [key, result] : cached_) cached.push_back(result);
    return state.queues == queues_ && state.cached == cached &&
           state.drained == std::vector(drained_.begin(), drained_.end());
  }

 private:
  std::map<JobId, JobInfo> jobs_;
  std::map<TaskId, TaskRecord> tasks_;
  std::map<std::string, CachedResult> cached_;
  std::set<NodeId> drained_;
  StoredQueues queues_;
};

inline TaskProgress draw_progress(Dice& dice) {
  TaskProgress progress;
  dice.draw(progress.state);
  dice.draw(progress.attempts);
  dice.draw(progress.failed_attempts);
  dice.draw(progress.result);
  dice.draw(progress.reason);
  progress.branch = static_cast<Branch>(dice.below(3));
  dice.draw(progress.cached);
  dice.draw(progress.iteration);
  dice.draw(progress.retry_at_ms);
  return progress;
}

inline StoredMessage draw_message(Dice& dice) {
  StoredMessage message;
  dice.draw(message.body);
  dice.draw(message.deliveries);
  dice.draw(message.is_dead);
  dice.draw(message.sender);
  dice.draw(message.request);
  return message;
}

/// A batch that a scheduler could write: jobs before their tasks, tasks before their progress.
class BatchMaker {
 public:
  explicit BatchMaker(Dice& dice) : dice_(dice) {}

  Batch next(std::size_t writes) {
    Batch batch;
    while (batch.size() < writes) {
      if (dice_.below(5) == 0) {
        batch.push_back(beside_graphs());
      } else if (jobs_.empty() || dice_.below(20) == 0) {
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
  /// Few keys, so that what was written is also written over and taken away.
  Write beside_graphs() {
    const std::string key(32, static_cast<char>(dice_.below(4)));
    const std::string queue(1, static_cast<char>('a' + dice_.below(3)));
    switch (dice_.below(6)) {
      case 0: return SaveCached{{key, dice_.string(), dice_.number<std::int64_t>()}};
      case 1: return DropCached{key};
      case 2: return put_queue(queue, dice_.below(4) > 0);
      case 3:
        return queues_.contains(queue) ? SaveMessage{queue, dice_.below(6), draw_message(dice_)}
                                       : put_queue(queue, true);
      case 4:
        return queues_.contains(queue) ? SaveMessage{queue, dice_.below(6), std::nullopt} : put_queue(queue, true);
      default: return SaveDrain{{1 + dice_.below(4)}, dice_.below(2) == 0};
    }
  }

  Write put_queue(const std::string& queue, bool is_there) {
    if (!is_there) {
      queues_.erase(queue);
      return SaveQueue{queue, std::nullopt};
    }
    queues_.insert(queue);
    return SaveQueue{queue, sync::QueueOptions{.capacity = 9, .durable = true}};
  }

  Dice& dice_;
  std::set<std::string> queues_;
  std::vector<JobId> jobs_;
  std::vector<TaskId> tasks_;
};

/// A job with tasks 0 … count-1.
inline Batch small_graph(JobId job, std::uint32_t count) {
  Batch batch = {SaveJob{{.id = job, .name = "graph", .program = "/bin/program", .durable = true}}};
  for (std::uint32_t number = 0; number < count; ++number) {
    batch.push_back(SaveTask{TaskSpec{.id = {job, number},
                                      .name = "task " + std::to_string(number),
                                      .work = CommandWork{.argv = {"/bin/true", std::to_string(number)}}}});
  }
  return batch;
}

}  // namespace troupe::scheduler::test
