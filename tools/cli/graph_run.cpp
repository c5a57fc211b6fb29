#include "tools/cli/graph_run.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "tools/cli/interrupts.h"

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds tick{50};
constexpr milliseconds submit_limit{120'000};
constexpr milliseconds cancel_limit{15'000};
constexpr milliseconds list_limit{30'000};
constexpr std::size_t most_waited_for = 256;   // A wait looks at each of its objects at each change.
constexpr std::size_t most_asked_for = 5'000;  // Of a larger graph it is not asked what runs.

}  // namespace

std::string describe(const WorkProgress& progress) {
  std::string text = std::to_string(progress.ended) + " of " + std::to_string(progress.total) +
                     (progress.total == 1 ? " task" : " tasks") + " ended";
  if (progress.running > 0) text += ", " + std::to_string(progress.running) + " running";
  if (progress.failed > 0) text += ", " + std::to_string(progress.failed) + " failed";
  return text;
}

TaskCounts RunEnd::counts() const {
  TaskCounts counts;
  for (const auto& each : progress) ++counts[each.state];
  return counts;
}

GraphRun::GraphRun(Session& session, LiveStore store, std::vector<TaskSpec> graph)
    : session_(session), store_(std::move(store)) {
  for (auto& task : graph) (task.is_join() ? joins_ : tasks_).push_back(std::move(task));
}

Result<void> GraphRun::submit(const JobInfo& job) {
  // Watched before they are handed over: a task may end before the answer is here.
  for (const auto& task : tasks_) ends_.push_back(session_.core().watch_task(task.id, task.name));
  pending_.resize(tasks_.size());
  std::iota(pending_.begin(), pending_.end(), std::size_t{0});
  work_.total = tasks_.size();
  std::vector<TaskSpec> graph = tasks_;
  std::move(joins_.begin(), joins_.end(), std::back_inserter(graph));
  joins_.clear();
  return session_.core().submit_graph(job, std::move(graph), submit_limit);
}

RunEnd GraphRun::wait(const Listener& listener, OnInterrupt on_interrupt) {
  RunEnd end;
  end.progress.resize(tasks_.size());
  std::optional<Clock::time_point> give_up;
  for (auto next_question = Clock::now() + milliseconds(500);;) {
    if (pending_.empty()) {
      if (const auto taken = take_added(end); !taken) {
        end.how = RunEnd::How::cluster_lost;
        end.cause = taken.error().message;
        return end;
      }
      if (pending_.empty()) break;
    }
    std::vector<ObjectPtr> first;
    for (std::size_t i = 0; i < std::min(pending_.size(), most_waited_for); ++i) first.push_back(ends_[pending_[i]]);
    session_.core().wait(first, 1, Clock::now() + tick);
    // Ends of a large graph come in swarms: better to look at them together.
    if (pending_.size() > most_waited_for) std::this_thread::sleep_for(milliseconds(10));
    if (!collect(listener, end)) return end;
    if (interrupts() > 0 && on_interrupt == OnInterrupt::leave) break;
    if (interrupts() > 0 && !give_up) {
      give_up = Clock::now() + cancel_limit;
      listener.on_cancel();
      cancel_all();
    }
    if (interrupts() > 1 || (give_up && Clock::now() >= *give_up)) break;
    if (tasks_.size() <= most_asked_for && Clock::now() >= next_question) {
      look_who_runs(listener);
      next_question = Clock::now() + milliseconds(500);
    }
    listener.on_tick(work_);
  }
  if (interrupts() > 0) end.how = RunEnd::How::interrupted;
  return end;
}

/// A task adds others only while it runs: once all that are known have ended, what there is more of is all there.
Result<void> GraphRun::take_added(RunEnd& end) {
  auto list = list_tasks();
  if (!list) return list.error();
  if (list->size() <= tasks_.size()) return {};
  std::set<TaskId> known;
  for (const auto& task : tasks_) known.insert(task.id);
  for (auto& task : *list) {
    if (known.contains(task.task)) continue;
    pending_.push_back(tasks_.size());
    ends_.push_back(session_.core().watch_task(task.task, task.name));
    tasks_.push_back({.id = task.task, .name = std::move(task.name)});
  }
  end.progress.resize(tasks_.size());
  work_.total = tasks_.size();
  // Of what had ended before it was watched nothing will be told.
  list = list_tasks();
  if (!list) return list.error();
  std::set<TaskId> ended;
  for (const auto& task : *list)
    if (is_final(task.state)) ended.insert(task.task);
  for (const std::size_t place : pending_)
    if (ended.contains(tasks_[place].id)) ends_[place] = session_.core().put({});
  return {};
}

Result<std::vector<message::TaskSummary>> GraphRun::list_tasks() {
  auto list = session_.core().list_tasks(tasks_.front().id.job, list_limit);
  if (list) std::erase_if(*list, [](const message::TaskSummary& task) { return task.is_join; });
  return list;
}

/// Takes note of the tasks that have ended; false when the cluster is gone.
bool GraphRun::collect(const Listener& listener, RunEnd& end) {
  std::vector<std::size_t> ended;
  std::vector<std::size_t> left;
  const auto has_ended = [&](std::span<const ObjectPtr> some) {  // Any of them.
    return session_.core().wait(some, 1, Clock::time_point::min());
  };
  for (std::size_t begin = 0; begin < pending_.size(); begin += most_waited_for) {
    std::vector<ObjectPtr> some;
    const std::size_t past = std::min(begin + most_waited_for, pending_.size());
    for (std::size_t i = begin; i < past; ++i) some.push_back(ends_[pending_[i]]);
    const bool has_news = has_ended(some);
    for (std::size_t i = begin; i < past; ++i)
      (has_news && has_ended(std::span(&some[i - begin], 1)) ? ended : left).push_back(pending_[i]);
  }
  pending_ = std::move(left);
  const auto lose = [&](const std::string& cause) {
    end.how = RunEnd::How::cluster_lost;
    end.cause = cause;
    return false;
  };
  std::vector<TaskId> ids;
  for (const std::size_t place : ended) {
    const auto* failure = std::get_if<Failure>(&ends_[place]->outcome);
    if (failure != nullptr && failure->fault == Fault::unavailable) return lose(failure->cause);
    ids.push_back(tasks_[place].id);
  }
  auto progress = store_.progress_of(ids);
  if (!progress) return lose(progress.error().message);
  for (std::size_t i = 0; i < ended.size(); ++i) {
    auto& each = (*progress)[i];
    ++work_.ended;
    work_.failed += each.state == TaskState::failed ? 1 : 0;
    listener.on_ended(tasks_[ended[i]], each);
    each.result.clear();
    end.progress[ended[i]] = std::move(each);
    ends_[ended[i]].reset();
  }
  return true;
}

void GraphRun::cancel_all() {
  for (const std::size_t place : pending_) session_.core().cancel(tasks_[place].id);
}

void GraphRun::look_who_runs(const Listener& listener) {
  const auto list = session_.core().list_tasks(tasks_.front().id.job, milliseconds(200));
  if (!list) return;
  work_.running = 0;
  for (const auto& task : *list) {
    if (task.state != TaskState::running) continue;
    ++work_.running;
    listener.on_running(task.name);
  }
}

}  // namespace troupe::cli
