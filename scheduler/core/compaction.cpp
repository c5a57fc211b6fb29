#include <algorithm>
#include <utility>

#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_tasks_at_once = 100'000;  // Of the graphs that one tick compacts; one at least.
constexpr Time between_rounds{100};
constexpr int part_here = 7;  // So much of the time passes at least under the scheduler that drops: a seventh.

/// Whether the graph may have ended later than its last attempt: when a task is cancelled, or done by a known result,
/// is not stored.
bool ends_untold(const GraphSummary& summary, const TaskTable& tasks, const Job& job) {
  if (summary.ended_ms == 0 || summary.tasks[static_cast<std::size_t>(TaskState::cancelled)] > 0) return true;
  const auto& slots = job.tasks.in_order();
  return std::any_of(slots.begin(), slots.end(), [&](Slot slot) { return tasks[slot].progress.cached; });
}

}  // namespace

void Scheduler::State::load_finished(const std::vector<GraphSummary>& stored, const std::vector<Slot>& loaded) {
  std::vector<std::pair<std::int64_t, JobId>> by_end;
  for (const auto& summary : stored) by_end.emplace_back(summary.ended_ms, summary.job.id);
  std::sort(by_end.begin(), by_end.end());
  for (const auto& [ended, job] : by_end) summaries.push_back(job);
  for (const Slot slot : loaded)
    if (tasks[slot].is_final()) ++ended_tasks[tasks[slot].spec.id.job];
  for (const auto& [id, count] : ended_tasks) {
    const Job& job = tasks.jobs().at(id);
    if (count != job.tasks.size()) continue;
    const GraphSummary summary = summary_of(job);
    // By a clock that may have been another: nothing is dropped because that one was behind.
    const Time earliest = now - settings.keep_finished + settings.keep_finished / part_here;
    const Time ended = ends_untold(summary, tasks, job) ? now : std::clamp(Time{summary.ended_ms}, earliest, now);
    finished.emplace(id, ended);
    finished_in_order.emplace(ended, id);
  }
}

/// A durable task has ended, in this step.
void Scheduler::State::count_end(const Task& task) {
  const Job& job = *task.job;
  if (++ended_tasks[job.info.id] != job.tasks.size()) return;
  finished.emplace(job.info.id, now);
  finished_in_order.emplace(now, job.info.id);
  wake_by(due(now));
}

/// The job is given more tasks.
void Scheduler::State::reopen(const Job& job) {
  const auto found = finished.find(job.info.id);
  if (found == finished.end()) return;
  finished_in_order.erase({found->second, found->first});
  finished.erase(found);
}

void Scheduler::State::compact_finished() {
  std::size_t dropped_tasks = 0;
  while (!finished_in_order.empty() && due(finished_in_order.begin()->first) <= now &&
         dropped_tasks < most_tasks_at_once) {
    const auto [ended, id] = *finished_in_order.begin();
    Job& job = *tasks.find_job(id);
    dropped_tasks += job.tasks.size();
    GraphSummary summary = summary_of(job);
    if (ends_untold(summary, tasks, job)) summary.ended_ms = ended.count();
    writes.push_back(SaveSummary{std::move(summary)});
    summaries.push_back(id);
    reopen(job);
    ended_tasks.erase(id);
    for (const DriverId watcher : job.watchers)
      if (const auto driver = drivers.find(watcher); driver != drivers.end()) driver->second.watches.erase(id);
    drop_job(job);
  }
  for (; summaries.size() > settings.most_summaries; summaries.pop_front())
    writes.push_back(DropSummary{summaries.front()});
}

GraphSummary Scheduler::State::summary_of(const Job& job) const {
  GraphSummary summary{.job = job.info, .tasks = {job.states.begin(), job.states.end()}};
  for (const Slot slot : job.tasks.in_order()) {
    for (const auto& attempt : tasks[slot].progress.attempts) {
      if (summary.started_ms == 0 || attempt.started_ms < summary.started_ms) summary.started_ms = attempt.started_ms;
      summary.ended_ms = std::max(summary.ended_ms, attempt.ended_ms);
    }
  }
  return summary;
}

std::optional<Time> Scheduler::State::next_compaction() const {
  if (finished_in_order.empty()) return std::nullopt;
  return std::max(due(finished_in_order.begin()->first), now + between_rounds);
}

}  // namespace troupe::scheduler
