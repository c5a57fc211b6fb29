#include <algorithm>
#include <map>
#include <utility>

#include "runtime/base/overloaded.h"
#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

constexpr int most_woken_of_a_lock = 16;               // Most of them find it taken again.
constexpr int most_lock_waiters_looked_at = 64;        // In a step.
constexpr std::size_t most_answered_bytes = 4u << 20;  // Of messages, in one effect: a frame has to carry it.

}  // namespace

void Scheduler::State::on(const SyncRequested& requested) {
  if (!drivers.contains(requested.driver)) return ignore("the driver has not joined");
  if (requested.epoch != epoch) return ignore("the requests were meant for a scheduler of another epoch");
  const Job* job = tasks.find_job(requested.task.job);
  sync.take(now, {requested.driver, requested.task, requested.attempt}, requested.requests, requested.confirmed_below,
            job != nullptr && job->info.durable);
  if (const auto end = sync.next_timer()) wake_by(std::max(*end, now + Time{1}));
}

void Scheduler::State::give_back_all_but(const Node& node, const std::vector<RunningAttempt>& listed) {
  for (const auto& [key, holding] : node.holdings) {
    const bool goes_on = std::any_of(listed.begin(), listed.end(), [held = key](const RunningAttempt& each) {
      return held == AttemptKey{each.task, each.attempt};
    });
    if (!goes_on) give_back(key);
  }
}

/// It stands in line when none is lacking any more.
void Scheduler::State::wait_for_locks(Slot slot) { wait_for(slot, *sync.first_lacking(tasks[slot].spec)); }

void Scheduler::State::wait_for(Slot slot, LockWaiters::Name name) {
  queue_for(slot, name);
  lock_waiters.add(tasks[slot].order, slot, std::move(name));
}

void Scheduler::State::queue_for(Slot slot, const LockWaiters::Name& name) {
  std::uint32_t capacity = 1;
  for (const auto& need : tasks[slot].spec.semaphores)
    if (name == LockWaiters::Name{sync::Kind::semaphore, need.name}) capacity = need.permits;
  sync.queue_tasks(name, capacity);
}

/// Others have taken its locks since it stood in line: nothing is kept for it, and it stands there again when they are
/// free. False: they are free.
bool Scheduler::State::leaves_for_locks(Slot slot) {
  if (sync.can_take_all(tasks[slot].spec)) return false;
  leave_ready(slot);
  wait_for_locks(slot);
  return true;
}

/// It was in line for them and is not: another may be, if it has not taken them.
void Scheduler::State::note_free_locks_of(const TaskSpec& spec) {
  for (const auto& name : spec.locks) freed_locks.emplace(sync::Kind::lock, name);
  for (const auto& need : spec.semaphores) freed_locks.emplace(sync::Kind::semaphore, need.name);
}

/// Some that wait for each stand in line; the next when those have gone, or, if none of them has room, at once. What a
/// step does not get to, the next does: true if that has something to do.
bool Scheduler::State::wake_lock_waiters() {
  int looked_at = 0;
  bool are_some_woken = false;
  for (const auto& name : std::exchange(freed_locks, {})) {
    int woken = 0;
    bool has_moved_some = false;
    bool is_through = true;
    for (auto next = lock_waiters.first_of(name); next;) {
      if (looked_at == most_lock_waiters_looked_at || woken == most_woken_of_a_lock) {
        is_through = woken == 0 && !has_moved_some;
        break;
      }
      ++looked_at;
      const auto [order, slot] = *next;
      next = lock_waiters.first_of(name, *next);
      const auto lacking = sync.first_lacking(tasks[slot].spec);
      if (lacking == name) {
        queue_for(slot, name);
        // One that wants more, or has another number of permits, cannot take it: those behind it may.
        if (!sync.is_free_for_tasks(name)) break;
        continue;
      }
      lock_waiters.remove(order, slot);
      if (lacking) {
        wait_for(slot, *lacking);
        has_moved_some = true;
      } else {
        stand_in_line(slot);
        are_some_woken = true;
        ++woken;
      }
    }
    if (!is_through) freed_locks.insert(name);
  }
  return are_some_woken || !freed_locks.empty();
}

void Scheduler::State::take_from_sync() {
  Synchronisation::Output output = sync.take_output();
  freed_locks.merge(output.freed);
  if (output.is_grace_over) freed_locks.merge(lock_waiters.names());
  for (auto& save : output.saves) std::visit([this](auto& each) { writes.emplace_back(std::move(each)); }, save);
  struct Open {
    std::vector<sync::Answer> answers;
    std::size_t bytes = 0;
  };
  std::map<DriverId, Open> open;
  for (auto& [client, answer] : output.answers) {
    Open& of_client = open[client];
    if (of_client.bytes > most_answered_bytes) send(AnswerSync{client, std::exchange(of_client, {}).answers});
    of_client.bytes += answer.body.size();
    of_client.answers.push_back(std::move(answer));
  }
  for (auto& [client, rest] : open) send(AnswerSync{client, std::move(rest.answers)});
}

}  // namespace troupe::scheduler
