#include <algorithm>
#include <utility>

#include "scheduler/simulation/hosts.h"

namespace troupe::scheduler::sim {

namespace {
constexpr Time ask_again_after{250};
}

DriverHost::DriverHost(World& world, DriverId id, DriverPlan plan)
    : world_(world), id_(id), plan_(std::move(plan)), dice_(world.seed + id.value, "driver") {}

void DriverHost::start() {
  to_scheduler(DriverJoined{id_, plan_.own});
  for (const auto& batch : plan_.batches) world_.timeline.at(batch.at, [this, &batch] { submit(batch); });
  for (const auto& each : plan_.cancels) world_.timeline.at(each.at, [this, &each] { cancel(each.task); });
  if (plan_.dies_at) world_.timeline.at(*plan_.dies_at, [this] { die(); });
  world_.timeline.after(ask_again_after, [this] { ask_again(); });
}

void DriverHost::die() {
  if (std::exchange(is_gone_, true)) return;
  world_.witness.trace("driver " + to_text(id_) + " is gone");
  world_.scheduler->notice_gone(id_);
}

void DriverHost::to_scheduler(const Event& event) {
  world_.network.send(place_of(id_), scheduler_place, [this, event] {
    world_.scheduler->take(event);
    if (is_gone_) world_.scheduler->notice_gone(id_);  // the shell finds that nobody is at the other end
  });
}

void DriverHost::submit(const PlannedBatch& batch) {
  if (is_gone_) return;
  sent_.push_back({.request = ++last_request_, .batch = batch});
  send(sent_.back());
}

/// What has not ended yet, in terms of what has not: results that are known here need not come from the scheduler.
std::vector<TaskSpec> DriverHost::still_open(const PlannedBatch& batch) {
  if (batch.job.durable) return batch.tasks;
  const auto has_ended = [this](TaskId id) { return ended_.contains(id); };
  for (const auto& spec : batch.tasks) {
    const bool cannot_run = std::any_of(spec.after.begin(), spec.after.end(), [this](TaskId id) {
      const auto end = ended_.find(id);
      return end != ended_.end() && end->second != TaskState::done;
    });
    if (cannot_run) ended_.emplace(spec.id, TaskState::skipped);
  }
  // A gang is submitted whole: what is left of one is a smaller one, and of a broken one nothing is left.
  std::map<std::uint32_t, std::uint32_t> gang_sizes;
  for (const auto& spec : batch.tasks) {
    if (!spec.gang) continue;
    const auto end = ended_.find(spec.id);
    if (end == ended_.end()) continue;
    if (end->second == TaskState::done) continue;
    for (const auto& other : batch.tasks)
      if (other.gang && other.gang->gang == spec.gang->gang) ended_.emplace(other.id, end->second);
  }
  std::vector<TaskSpec> open;
  for (const auto& spec : batch.tasks) {
    if (has_ended(spec.id)) continue;
    open.push_back(spec);
    std::erase_if(open.back().after, has_ended);
    std::erase_if(open.back().inputs.as_vector(), has_ended);
    if (spec.gang) open.back().gang->rank = gang_sizes[spec.gang->gang]++;
  }
  for (auto& spec : open)
    if (spec.gang) spec.gang->size = gang_sizes[spec.gang->gang];
  return open;
}

void DriverHost::send(Sent& sent) {
  to_scheduler(TasksSubmitted{id_, sent.request, sent.batch.job, still_open(sent.batch)});
}

/// Until everything is answered and told: messages may be lost, and a scheduler that starts again knows nothing of a
/// driver.
void DriverHost::ask_again() {
  if (is_gone_) return;
  std::erase_if(open_cancels_, [this](const auto& cancel) { return ended_.contains(cancel.second); });
  leave_when_done();
  if (is_gone_) return;
  to_scheduler(DriverJoined{id_, plan_.own});
  for (auto& sent : sent_) {
    const bool is_open = !sent.is_answered || std::any_of(sent.batch.tasks.begin(), sent.batch.tasks.end(),
                                                          [&](const TaskSpec& t) { return !ended_.contains(t.id); });
    if (is_open) send(sent);
  }
  for (const auto& [request, task] : open_cancels_) to_scheduler(CancelRequested{id_, request, task});
  world_.timeline.after(ask_again_after, [this] { ask_again(); });
}

void DriverHost::cancel(TaskId task) {
  if (is_gone_) return;
  if (ended_.contains(task)) return;
  open_cancels_[++last_request_] = task;
  to_scheduler(CancelRequested{id_, last_request_, task});
}

void DriverHost::take(std::uint32_t epoch, const Effect& effect) {
  if (is_gone_ || epoch < epoch_) return;
  epoch_ = epoch;
  if (const auto* answer = std::get_if<AnswerRequest>(&effect)) {
    for (auto& sent : sent_) {
      if (sent.request != answer->request) continue;
      sent.is_answered = true;
      if (answer->refusal.empty()) continue;
      for (const auto& spec : sent.batch.tasks) ended(spec.id, TaskState::failed);
    }
  }
  if (const auto* told = std::get_if<TellTaskEnded>(&effect)) ended(told->task, told->state);
  if (const auto* up = std::get_if<TellActorUp>(&effect))
    actors_up_[up->task] = std::max(actors_up_[up->task], up->attempt);
  if (dice_.chance(100)) release_some();
}

/// A cancel is asked for until the end is told: an answer alone may come from a scheduler that dies right after, and
/// the next one runs again what is submitted again.
void DriverHost::ended(TaskId task, TaskState state) {
  ended_.emplace(task, state);
  std::erase_if(open_cancels_, [&](const auto& cancel) { return cancel.second == task; });
}

void DriverHost::release_some() {
  if (sent_.size() < plan_.batches.size()) return;  // a later batch may come after an ended task
  TasksReleased released{id_, {}};
  for (const auto& [task, state] : ended_)
    if (dice_.chance(300)) released.tasks.push_back(task);
  if (!released.tasks.empty()) to_scheduler(released);
}

void DriverHost::leave_when_done() {
  if (sent_.size() < plan_.batches.size() || !open_cancels_.empty()) return;
  for (const auto& each : plan_.cancels)
    if (each.at > world_.timeline.now()) return;
  for (const auto& sent : sent_) {
    if (!sent.is_answered) return;
    for (const auto& spec : sent.batch.tasks)
      if (!ended_.contains(spec.id)) return;
  }
  die();
}

}  // namespace troupe::scheduler::sim
