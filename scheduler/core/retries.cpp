// What time does to tasks: the delay before another attempt, and the end of attempts whose time is over.
#include <algorithm>
#include <utility>

#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

/// Doubles with each failure, up to the longest.
Time delay_after(const RetryRule& rule, std::int32_t failed_attempts) {
  Time delay = rule.delay;
  for (std::int32_t i = 1; i < failed_attempts && delay < rule.longest_delay; ++i) delay *= 2;
  return std::min(delay, std::max(rule.delay, rule.longest_delay));
}

}  // namespace

void Scheduler::State::retry(Slot slot) {
  Task& task = tasks[slot];
  if (!task.spec.retry || task.spec.retry->delay.count() == 0) return make_ready(slot);
  const Time at = now + delay_after(*task.spec.retry, task.progress.failed_attempts);
  task.progress.retry_at_ms = at.count();
  touch(slot);
  delayed.emplace(at, slot);
  wake_by(at);
}

/// Goes on with a delay that an earlier scheduler began. Its clock may have been another one: what is left is at most
/// the whole delay by this one.
void Scheduler::State::resume_delay(Slot slot) {
  Task& task = tasks[slot];
  const Time whole = task.spec.retry ? delay_after(*task.spec.retry, task.progress.failed_attempts) : Time{0};
  const Time until = std::min(Time{task.progress.retry_at_ms}, now + whole);
  if (until <= now) return make_ready(slot);
  task.progress.retry_at_ms = until.count();
  delayed.emplace(until, slot);
}

void Scheduler::State::start_delayed() {
  while (!delayed.empty() && delayed.begin()->first <= now) {
    const Slot slot = delayed.begin()->second;
    delayed.erase(delayed.begin());
    make_ready(slot);
  }
}

void Scheduler::State::end_delay(Slot slot) {
  Task& task = tasks[slot];
  if (task.progress.retry_at_ms == 0) return;
  delayed.erase({Time{task.progress.retry_at_ms}, slot});
  task.progress.retry_at_ms = 0;
}

/// When a running attempt that has a time-out is stopped from here. One that an earlier scheduler gave, by a clock that
/// may have been another, has the whole time again: its agent knows better.
std::optional<Time> Scheduler::State::guard_ends(const Task& task) const {
  if (task.spec.timeout.count() == 0) return std::nullopt;
  const AttemptRecord& attempt = task.attempt();
  const Time from = attempt.id.epoch < epoch ? made_at : Time{attempt.started_ms};
  return from + task.spec.timeout + settings.timeout_grace;
}

void Scheduler::State::guard(const Task& task) {
  const auto ends = guard_ends(task);
  if (!ends) return;
  guards.emplace(*ends, AttemptKey{task.spec.id, task.attempt().id});
  wake_by(std::max(*ends, guarded_from));
}

/// Requires: nothing; an attempt that is not guarded stays so.
void Scheduler::State::unguard(const Task& task) {
  if (!task.is_running()) return;
  if (const auto ends = guard_ends(task)) guards.erase({*ends, AttemptKey{task.spec.id, task.attempt().id}});
}

void Scheduler::State::stop_overdue() {
  while (!guards.empty() && now >= std::max(guards.begin()->first, guarded_from)) {
    const AttemptKey key = guards.begin()->second;
    guards.erase(guards.begin());
    const Slot slot = tasks.find(key.task);
    const Task& task = tasks[slot];
    const Cause why{.message = "timed out after " + std::to_string(task.spec.timeout.count()) +
                               " ms, and its node did not end it"};
    stop(task.attempt().node, key);
    attempt_is_over(slot, AttemptEnd::failed, why, {});
  }
}

}  // namespace troupe::scheduler
