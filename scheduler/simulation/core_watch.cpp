#include "scheduler/simulation/core_watch.h"

#include <algorithm>
#include <string_view>

#include "scheduler/core/invariants.h"

namespace troupe::scheduler::sim {
CoreWatch::CoreWatch(Witness& witness, const StoredState& loaded, Time now)
    : witness_(witness), epoch_(loaded.epoch), drained_(loaded.drained.begin(), loaded.drained.end()) {
  for (const auto& job : loaded.jobs) durable_.insert(job.id);
  for (const auto& record : loaded.tasks) {
    note(record.spec);
    Entry& entry = tasks_[record.spec.id];
    const TaskProgress& progress = record.progress;
    entry.is_untaken = progress.branch == Branch::not_taken;
    if (!progress.attempts.empty()) entry.highest = progress.attempts.back().id;
    if (progress.retry_at_ms != 0) {
      // Its clock may be behind that of the one before: then it waits for a whole delay anew, which is this at least.
      entry.retry_at_ms = std::min(progress.retry_at_ms, (now + record.spec.retry->delay).count());
    }
    entry.is_running = progress.state == TaskState::running;
    if (is_final(progress.state)) entry.end.emplace(progress.state, progress.result);
  }
}

void CoreWatch::saw(Time now, const Event& event, const Effects& effects) {
  ++witness_.counts.events;
  if (const auto* joined = std::get_if<DriverJoined>(&event)) own_jobs_[joined->driver] = joined->job.id;
  if (const auto* submit = std::get_if<TasksSubmitted>(&event)) {
    if (submit->from) check_added(*submit, effects);
    for (const auto& spec : submit->tasks) note(spec);
  }
  done_.clear();
  for (const auto& effect : effects) {
    if (const auto* job = std::get_if<SaveJob>(&effect)) {
      durable_.insert(job->job.id);
    } else if (const auto* run = std::get_if<RunTask>(&effect)) {
      check_run(*run);
    } else if (const auto* told = std::get_if<TellTaskEnded>(&effect)) {
      check_end(told->task, told->state, told->result, told->attempts);
    } else if (const auto* saved = std::get_if<SaveProgress>(&effect)) {
      check_delay(now, *saved);
      tasks_[saved->task].is_running = saved->progress.state == TaskState::running;
      tasks_[saved->task].is_untaken = saved->progress.branch == Branch::not_taken;
      if (is_final(saved->progress.state))
        check_end(saved->task, saved->progress.state, saved->progress.result, saved->progress.attempts);
    } else if (const auto* drain = std::get_if<SaveDrain>(&effect)) {
      drained_.erase(drain->node);
      if (drain->drains) drained_.insert(drain->node);
    } else if (const auto* stop = std::get_if<StopAttempt>(&effect)) {
      if (stop->attempt.epoch < epoch_) stopped_.insert({stop->task, stop->attempt});
    } else if (const auto* wake = std::get_if<WakeAt>(&effect)) {
      if (wake->at <= now) witness_.breaks("15: the scheduler asks to be woken at once");
    } else if (const auto* welcome = std::get_if<WelcomeDriver>(&effect)) {
      const auto [since, is_new] = since_.try_emplace(welcome->driver, welcome->since);
      if (!is_new && std::exchange(since->second, welcome->since) == welcome->since) continue;
      if (!is_new) forget(welcome->driver);
      const auto& joined = std::get<DriverJoined>(event);
      for (std::uint32_t number = 1; number <= joined.given; ++number) tasks_[{joined.job.id, number}].may_come = false;
      for (const std::uint32_t number : joined.unsent) tasks_[{joined.job.id, number}].may_come = true;
    }
  }
  if (const auto* joined = std::get_if<NodeJoined>(&event)) check_adopted(*joined, effects);
  for (const TaskId task : done_) {
    check_order(task, {});
    if (!durable_.contains(task.job)) check_used(tasks_[task].end->second);
  }
  for (const auto& effect : effects)
    if (const auto* run = std::get_if<RunTask>(&effect)) check_order(run->task, run->node);
  if (const auto* left = std::get_if<DriverLeft>(&event)) {
    forget(left->driver);
    since_.erase(left->driver);
  }
  note_what_may_come(event, effects);
  if (const auto* cancel = std::get_if<CancelRequested>(&event)) check_cancel(*cancel, effects);
  if (const auto* submit = std::get_if<TasksSubmitted>(&event); submit != nullptr && submit->job.durable) {
    auto& ids = submits_[{submit->driver, submit->request}];
    ids.clear();
    for (const auto& spec : submit->tasks) ids.push_back(spec.id);
  }
}

/// It was dropped with all that it owned, which it may ask for anew.
void CoreWatch::forget(DriverId driver) {
  for (Entry& entry : tasks_.of(own_jobs_[driver])) {
    entry.end.reset();
    entry.may_come = true;
  }
}

void CoreWatch::note_what_may_come(const Event& event, const Effects& effects) {
  if (const auto* cancel = std::get_if<CancelRequested>(&event); cancel != nullptr && since_.contains(cancel->driver))
    tasks_[cancel->task].may_come = false;
  const auto* submit = std::get_if<TasksSubmitted>(&event);
  if (submit == nullptr || submit->job.durable) return;
  const bool is_accepted = std::any_of(effects.begin(), effects.end(), [](const Effect& effect) {
    const auto* answer = std::get_if<AnswerRequest>(&effect);
    return answer != nullptr && answer->refusal.empty();
  });
  if (is_accepted)
    for (const auto& spec : submit->tasks) tasks_[spec.id].may_come = false;
}

/// Of an actor that it does not know the scheduler says that it has ended, unless it may be submitted yet.
void CoreWatch::check_what_may_come(const Scheduler& core) {
  for (const auto& [driver, job] : own_jobs_) {
    const auto jobs = core.jobs({job.value - 1}, 1);
    if (jobs.empty() || jobs.front().job.id != job) continue;
    const auto entries = tasks_.of(job);
    for (std::uint32_t number = 1; number <= entries.size(); ++number) {
      const TaskId task{job, number};
      if (core.task(task)) continue;
      const bool may_come = number == entries.size() || entries[number].may_come || !core.find_actor({}).is_sure;
      if (is_final(core.actor(task).state) == may_come)
        return witness_.breaks("16: " + name_of(task) + (may_come ? " may come, and" : " has been here, and") +
                               " the scheduler says otherwise");
    }
  }
}

void CoreWatch::note(const TaskSpec& spec) {
  Entry& entry = tasks_[spec.id];
  entry.is_join = spec.is_join();
  entry.after = spec.after;
}

/// It starts, or is done, in a step that was seen whole: all before it have ended by now; or, when it is a driver's and
/// starts, they were given to the same node.
void CoreWatch::check_order(TaskId task, NodeId given_to) {
  for (std::size_t i = 0; i < tasks_[task].after.size(); ++i) {
    const TaskId before = tasks_[task].after[i];
    const Entry& entry = tasks_[before];
    if (entry.end && (entry.end->first == TaskState::done || entry.is_untaken)) continue;
    // Of what this scheduler adopted it is not seen where it runs.
    const bool may_run_there = !entry.given_to || entry.given_to == given_to;
    if (given_to && !entry.end && may_run_there && !durable_.contains(task.job)) continue;
    witness_.breaks("3: " + name_of(task) + " comes after " + name_of(before) + ", and does not wait for it");
  }
}

/// What an attempt was handed is what became of those before it.
void CoreWatch::check_used(const Bytes& result) {
  for (const Bytes& used : witness_.used_by(result)) {
    const auto& end = tasks_[task_of(used)].end;
    if (end && end->first == TaskState::done && end->second != used)
      witness_.breaks("2: " + result + " was made of " + used + ", and " + end->second + " was published");
  }
}

/// What awaited others under an earlier scheduler is stopped as soon as it is seen.
void CoreWatch::check_adopted(const NodeJoined& joined, const Effects& effects) {
  const auto is_welcome = [](const Effect& effect) { return std::holds_alternative<WelcomeNode>(effect); };
  if (std::none_of(effects.begin(), effects.end(), is_welcome)) return;
  for (const auto& each : joined.running)
    if (each.awaited && each.attempt.epoch < epoch_ && !stopped_.contains({each.task, each.attempt}))
      witness_.breaks("2: " + text_of_attempt(each.task, each.attempt) +
                      " goes on, and of what it awaited nothing is known");
}

void CoreWatch::check_run(const RunTask& run) {
  Entry& entry = tasks_[run.task];
  if (run.attempt < entry.highest)
    witness_.breaks("3: " + text_of_attempt(run.task, run.attempt) + " is given after a higher attempt");
  // What was there before, this scheduler or an earlier one gave: it may be given again.
  if (entry.highest < run.attempt && run.attempt.epoch == epoch_ && drained_.contains(run.node))
    witness_.breaks("4: " + text_of_attempt(run.task, run.attempt) + " is given to a drained node");
  if (entry.end) {
    const bool is_cancelled = entry.end->first == TaskState::cancelled;
    witness_.breaks((is_cancelled ? "11: " : "3: ") + name_of(run.task) + " is given after it has ended");
  }
  entry.highest = run.attempt;
  entry.given_to = run.node;
}

/// Before what the step saves is looked at: the task runs, or it does not, when it adds others.
void CoreWatch::check_added(const TasksSubmitted& submitted, const Effects& effects) {
  if (tasks_[submitted.from].is_running) return;
  for (const auto& effect : effects)
    if (const auto* added = std::get_if<SaveTask>(&effect))
      witness_.breaks("3: " + name_of(added->spec->id) + " is added by " + name_of(submitted.from) +
                      ", which does not run");
}

void CoreWatch::check_delay(Time now, const SaveProgress& saved) {
  const std::int64_t due = std::exchange(tasks_[saved.task].retry_at_ms, saved.progress.retry_at_ms);
  if (saved.progress.state == TaskState::running && due != 0 && now.count() < due)
    witness_.breaks("3: " + name_of(saved.task) + " is tried again " + std::to_string(due - now.count()) +
                    " ms too early");
}

void CoreWatch::check_end(TaskId task, TaskState state, const Bytes& result,
                          const std::vector<AttemptRecord>& attempts) {
  Entry& entry = tasks_[task];
  if (entry.end) {
    if (entry.end->first != state || entry.end->second != result)
      witness_.breaks("2: the end of " + name_of(task) + " changes");
    return;
  }
  entry.end.emplace(state, result);
  ++witness_.counts.tasks_ended;
  if (witness_.nothing_goes_wrong && std::any_of(attempts.begin(), attempts.end(), [](const AttemptRecord& attempt) {
        return attempt.end == AttemptEnd::lost;
      }))
    witness_.breaks("Q: an attempt of " + name_of(task) + " is lost where nothing goes wrong");
  if (state != TaskState::done) return;
  done_.push_back(task);
  if (entry.is_join) {
    if (!attempts.empty() || !result.empty())
      witness_.breaks("2: " + name_of(task) + " is a join, and has attempts or a result");
    return;
  }
  ++witness_.counts.tasks_done;
  if (attempts.empty() && durable_.contains(task.job)) {
    if (!witness_.is_finished(result))
      witness_.breaks("2: the known result of " + name_of(task) + " is of no attempt that was done");
    return;
  }
  if (attempts.empty() || attempts.back().end != AttemptEnd::done)
    return witness_.breaks("2: " + name_of(task) + " is done, and its last attempt is not");
  if (result != result_of(task, attempts.back().id))
    witness_.breaks("2: " + name_of(task) + " has the result " + result + ", which is not its current attempt's");
}

void CoreWatch::check_cancel(const CancelRequested& cancel, const Effects& effects) {
  const bool is_granted = std::any_of(effects.begin(), effects.end(), [](const Effect& effect) {
    const auto* answer = std::get_if<AnswerRequest>(&effect);
    return answer != nullptr && answer->refusal.empty();
  });
  if (is_granted && !tasks_[cancel.task].end)
    witness_.breaks("11: the cancel of " + name_of(cancel.task) + " is answered, and it goes on");
}

void CoreWatch::lets_out(const Effect& effect, const StoreContents& store) {
  if (const auto* answer = std::get_if<AnswerRequest>(&effect)) {
    const auto submit = submits_.find({answer->driver, answer->request});
    if (!answer->refusal.empty() || submit == submits_.end()) return;
    for (const TaskId task : submit->second)
      if (!store.tasks.contains(task))
        return witness_.breaks("1: " + name_of(task) + " is acknowledged and not in the store");
  } else if (const auto* told = std::get_if<TellTaskEnded>(&effect)) {
    if (!durable_.contains(told->task.job)) return;
    const auto record = store.tasks.find(told->task);
    if (record == store.tasks.end() || record->second.progress.state != told->state ||
        record->second.progress.result != told->result)
      witness_.breaks("1: the end of " + name_of(told->task) + " is told and not in the store");
  } else if (const auto* run = std::get_if<RunTask>(&effect)) {
    if (!durable_.contains(run->task.job)) return;
    const auto record = store.tasks.find(run->task);
    const auto is_it = [&](const AttemptRecord& attempt) { return attempt.id == run->attempt; };
    if (record == store.tasks.end() ||
        std::none_of(record->second.progress.attempts.begin(), record->second.progress.attempts.end(), is_it))
      witness_.breaks("1: " + text_of_attempt(run->task, run->attempt) + " is given and not in the store");
  }
}

void CoreWatch::scan(const Scheduler& core) {
  if (auto broken = broken_invariant(core); !broken.empty()) witness_.breaks(std::move(broken));
  check_what_may_come(core);
}

void CoreWatch::compare(const Scheduler& core, const StoreContents& store) {
  std::size_t known_tasks = 0;
  for (const auto& [id, job] : store.jobs) {
    for (const auto& known : core.tasks_of(id)) {
      ++known_tasks;
      const auto stored = store.tasks.find(known.spec.id);
      if (stored == store.tasks.end()) return witness_.breaks("13: " + name_of(known.spec.id) + " is not in the store");
      const TaskProgress& a = known.progress;
      const TaskProgress& b = stored->second.progress;
      if (a.attempts != b.attempts || a.result != b.result || a.failed_attempts != b.failed_attempts ||
          a.branch != b.branch || a.iteration != b.iteration || a.cached != b.cached ||
          is_final(a.state) != is_final(b.state))
        return witness_.breaks("13: the store does not have " + name_of(known.spec.id) + " as it is");
    }
  }
  for (const auto& node : core.nodes())
    if (node.drains != store.drained.contains(node.node))
      return witness_.breaks("13: whether " + node.name + " is drained is not in the store");
  if (known_tasks != store.tasks.size()) witness_.breaks("13: a task is in the store only");
}

}  // namespace troupe::scheduler::sim
