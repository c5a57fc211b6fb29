#include "scheduler/simulation/witness.h"

#include <cstdio>

#include "scheduler/core/invariants.h"

namespace troupe::scheduler::sim {
namespace {

constexpr std::uint64_t events_between_store_checks = 32;

const TaskRecord* find(const std::vector<TaskRecord>& records, TaskId id) {
  for (const auto& record : records)
    if (record.spec.id == id) return &record;
  return nullptr;
}

}  // namespace

std::string text_of_attempt(TaskId task, AttemptId attempt) {
  return to_text(task) + '#' + std::to_string(attempt.epoch) + '.' + std::to_string(attempt.number);
}

Bytes result_of(TaskId task, AttemptId attempt) { return '"' + text_of_attempt(task, attempt) + '"'; }

void Witness::breaks(std::string invariant) {
  if (broken_.empty()) broken_ = std::move(invariant);
}

void Witness::trace(std::string_view line) {
  for (const char letter : line) hash_ = (hash_ ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  if (is_printing) std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
}

void Witness::scheduler_started(const StoreModel& store) {
  epoch_ = store.epoch();
  expected_ = store;
  ++counts_.restarts;
  std::erase_if(highest_attempt_, [this](const auto& each) { return !durable_.contains(each.first.job); });
  std::erase_if(ended_, [this](const auto& each) { return !durable_.contains(each.first.job); });
  std::erase_if(cancelled_, [this](TaskId id) { return !durable_.contains(id.job); });
  // What was never committed never happened.
  std::erase_if(ended_, [&](const auto& each) {
    const auto record = store.tasks().find(each.first);
    return record == store.tasks().end() || !is_final(record->second.progress.state);
  });
  std::erase_if(cancelled_, [&](TaskId id) {
    const auto record = store.tasks().find(id);
    return record == store.tasks().end() || !is_final(record->second.progress.state);
  });
}

void Witness::saw(Time now, const Event& event, const Effects& effects, const Scheduler& scheduler) {
  ++counts_.events;
  std::string line = std::to_string(now.count()) + ' ' + describe(event);
  for (const auto& effect : effects) line += "\n    " + describe(effect);
  trace(line);

  if (const auto* ended = std::get_if<AttemptEnded>(&event); ended != nullptr && ended->report.end == AttemptEnd::done)
    done_.insert(ended->report.result);
  for (const auto& effect : effects) {
    if (const auto* job = std::get_if<SaveJob>(&effect)) durable_.insert(job->job.id);
    if (const auto* run = std::get_if<RunTask>(&effect)) check_run(*run);
    if (const auto* ended = std::get_if<TellTaskEnded>(&effect)) check_end(*ended);
    if (const auto* saved = std::get_if<SaveProgress>(&effect)) check_progress(now, *saved);
    if (is_write(effect)) expected_.apply({effect});
    if (const auto* wake = std::get_if<WakeAt>(&effect); wake != nullptr && wake->at <= now)
      breaks("15: the scheduler asks to be woken at once");
  }
  if (const auto* cancel = std::get_if<CancelRequested>(&event)) check_cancel(*cancel, effects, scheduler);
  if (const auto* submit = std::get_if<TasksSubmitted>(&event)) submits_[{submit->driver, submit->request}] = *submit;
  if (counts_.events % events_between_store_checks == 0) check_store(scheduler);
  if (auto broken = broken_invariant(scheduler); !broken.empty()) breaks(std::move(broken));
}

void Witness::check_run(const RunTask& run) {
  ++counts_.attempts;
  AttemptId& highest = highest_attempt_[run.task];
  if (run.attempt < highest) breaks("3: " + describe(run.task, run.attempt) + " is given after a higher attempt");
  highest = run.attempt;
  if (cancelled_.contains(run.task))
    breaks("11: " + describe(run.task, run.attempt) + " is given after its cancel was acknowledged");
}

void Witness::check_end(const TellTaskEnded& ended) {
  const std::string name = to_text(ended.task);
  const auto [before, is_first] = ended_.try_emplace(ended.task, ended.state, ended.result);
  if (!is_first && before->second != std::pair(ended.state, ended.result)) breaks("2: the end of " + name + " changes");
  if (is_first) {
    ++counts_.tasks_ended;
    if (ended.state == TaskState::done) ++counts_.tasks_done;
  }
  if (ended.state != TaskState::done) return;
  if (ended.attempts.empty() && durable_.contains(ended.task.job)) {
    if (!done_.contains(ended.result)) breaks("2: the known result of " + name + " is of no attempt that was done");
    return;
  }
  if (ended.attempts.empty() || ended.attempts.back().end != AttemptEnd::done)
    return breaks("2: " + name + " is done, but its last attempt is not");
  if (ended.result != result_of(ended.task, ended.attempts.back().id))
    breaks("2: the result of " + name + " is of attempt " + ended.result + ", which was not the current one");
}

void Witness::check_progress(Time now, const SaveProgress& saved) {
  const auto before = expected_.tasks().find(saved.task);
  if (before == expected_.tasks().end()) return breaks("13: progress of a task that is not in the store");
  if (is_final(before->second.progress.state) && before->second.progress != saved.progress)
    breaks("3: " + to_text(saved.task) + " goes on after it has ended");
  const std::int64_t due = before->second.progress.retry_at_ms;
  if (saved.progress.state == TaskState::running && due > now.count())
    breaks("3: " + to_text(saved.task) + " is tried again " + std::to_string(due - now.count()) + " ms too early");
}

void Witness::check_cancel(const CancelRequested& cancel, const Effects& effects, const Scheduler& scheduler) {
  for (const auto& effect : effects) {
    const auto* answer = std::get_if<AnswerRequest>(&effect);
    if (answer == nullptr || !answer->refusal.empty()) continue;
    cancelled_.insert(cancel.task);
    const auto tasks = scheduler.tasks_of(cancel.task.job);
    const TaskRecord* record = find(tasks, cancel.task);
    if (record != nullptr && !is_final(record->progress.state))
      breaks("11: the cancel of " + to_text(cancel.task) + " is answered, and it goes on");
  }
}

/// What the scheduler knows of durable tasks is what it has written.
void Witness::check_store(const Scheduler& scheduler) {
  for (const auto& [id, job] : expected_.jobs()) {
    const auto tasks = scheduler.tasks_of(id);
    std::size_t written = 0;
    for (auto each = expected_.tasks().lower_bound({id, 0}); each != expected_.tasks().end() && each->first.job == id;
         ++each) {
      ++written;
      const TaskRecord* record = find(tasks, each->first);
      if (record == nullptr) return breaks("13: " + to_text(each->first) + " is in the store only");
      const TaskProgress& known = record->progress;
      const TaskProgress& stored = each->second.progress;
      const bool is_same = known.attempts == stored.attempts && known.result == stored.result &&
                           known.failed_attempts == stored.failed_attempts && known.branch == stored.branch &&
                           known.iteration == stored.iteration && known.cached == stored.cached &&
                           is_final(known.state) == is_final(stored.state);
      if (!is_same) return breaks("13: the store does not have " + to_text(each->first) + " as it is");
    }
    if (written != tasks.size()) return breaks("13: a durable task is not in the store");
  }
}

void Witness::sent(const Effect& effect, const StoreModel& store) {
  const auto* answer = std::get_if<AnswerRequest>(&effect);
  if (answer == nullptr || !answer->refusal.empty()) return;
  const auto submit = submits_.find({answer->driver, answer->request});
  if (submit == submits_.end() || !submit->second.job.durable) return;
  for (const auto& spec : submit->second.tasks)
    if (!store.tasks().contains(spec.id)) breaks("1: " + to_text(spec.id) + " is acknowledged and not in the store");
}

}  // namespace troupe::scheduler::sim
