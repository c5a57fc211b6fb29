#include <algorithm>
#include <map>
#include <utility>

#include "runtime/base/overloaded.h"
#include "scheduler/core/state.h"

namespace troupe::scheduler {

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

/// Others have taken its locks since it stood in line: nothing is kept for it, and it stands there again when they are
/// free. False: they are free.
bool Scheduler::State::leaves_for_locks(Slot slot) {
  if (sync.can_take_all(tasks[slot].spec)) return false;
  leave_ready(slot);
  wait_for_locks(slot);
  return true;
}

void Scheduler::State::take_from_sync() {
  Synchronisation::Output output = sync.take_output();
  if (output.made_room) {
    const auto waiting = std::exchange(without_locks, {});
    for (const auto& [order, slot] : waiting)
      sync.can_take_all(tasks[slot].spec) ? stand_in_line(slot) : wait_for_locks(slot);
  }
  for (auto& save : output.saves) std::visit([this](auto& each) { writes.emplace_back(std::move(each)); }, save);
  std::map<DriverId, std::vector<sync::Answer>> answers;
  for (auto& [client, answer] : output.answers) answers[client].push_back(std::move(answer));
  for (auto& [client, list] : answers) send(AnswerSync{client, std::move(list)});
}

}  // namespace troupe::scheduler
