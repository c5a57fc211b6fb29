// Tasks that are given to a node while what they come after still runs there: a dependency inside a node then costs no
// round trip to the scheduler, which two in a row would otherwise pay between them. The order names the attempts that
// it waits for; the agent hands their results on as they end well there.
//
// Such an attempt is one that was given ahead (ahead.cpp) and is bounded as these are; only that it takes its place
// among them, and so its turn for room, when the last before it has ended. Until then its task is running with
// predecessors that are open, each of them running on the same node. Where one of those ends otherwise than well, what
// awaits it is taken back, and is then placed as others are: so no task is given so twice, and what takes its worker
// down with it is counted the second time at the latest.
//
// Who is not: tasks that need anything besides room (locks, a gang, a condition), that have a time-out, or are durable,
// for whose ends a commit is waited for anyway; and none while a task that is ready waits for room.
#include <algorithm>
#include <utility>

#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_before = 16;  // looked at for each
constexpr int most_given_a_step = 8;
constexpr std::int64_t most_awaiting = 1024;  // At a node. A chain of them is taken back link by link.
constexpr std::size_t most_behind = 4096;     // Remembered for a node; others are given when they are ready.

bool is_function(const TaskSpec& spec) { return std::holds_alternative<FunctionWork>(spec.work) && !spec.gang; }

bool may_await(const Task& task) {
  const TaskSpec& spec = task.spec;
  return task.progress.state == TaskState::waiting && task.progress.attempts.empty() && task.open_predecessors > 0 &&
         spec.after.size() <= most_before && is_function(spec) && !spec.spreads && spec.needs.gpus == 0 &&
         spec.needs.cpus > 0 && spec.timeout.count() == 0 && spec.locks.empty() && spec.semaphores.empty();
}

}  // namespace

/// Where all before the task run that have not ended; nullptr: not all on one node, or it may not be given behind them.
Node* Scheduler::State::node_behind(const Task& task) {
  if (task.job->info.durable || !may_await(task)) return nullptr;
  NodeId id;
  for (const TaskId before_it : task.spec.after) {
    const Task& before = tasks[tasks.find(before_it)];
    if (before.is_final()) continue;
    if (!before.is_running() || !is_function(before.spec) || before.shape != task.shape) return nullptr;
    if (id && before.attempt().node != id) return nullptr;
    id = before.attempt().node;
  }
  Node* node = cluster.find(id);
  return node != nullptr && node->takes_work() && node->kept_for == 0 ? node : nullptr;
}

void Scheduler::State::may_be_given_behind(Slot slot) {
  Node* node = node_behind(tasks[slot]);
  if (node == nullptr || node->behind.size() >= most_behind) return;
  node->behind.push_back(slot);
  look_behind.push_back(node->id);
}

/// It runs from now on: it may be the last of those before another that had not started.
void Scheduler::State::note_start(const Task& task) {
  if (task.job->info.durable) return;
  for (const Slot slot : task.dependents) may_be_given_behind(slot);
}

void Scheduler::State::give_awaiting() {
  if (look_behind.empty()) return;
  const bool nobody_waits = ready.is_empty();
  for (std::size_t i = 0; i < look_behind.size(); ++i) {  // What is given may add to them.
    Node* node = cluster.find(look_behind[i]);
    for (int given = 0; node != nullptr && !node->behind.empty() && given < most_given_a_step;) {
      const Slot slot = node->behind.front();
      const bool is_so = tasks.holds(slot) && node_behind(tasks[slot]) == node;
      const auto given_already = static_cast<std::int64_t>(node->ahead.size() + node->awaiting);
      if (is_so && (!nobody_waits || given_already >= std::min(most_ahead(*node, tasks[slot]), most_awaiting))) break;
      node->behind.pop_front();
      if (!is_so) continue;
      start(slot, *node, true);
      ++given;
    }
  }
  look_behind.clear();
}

/// Requires: it runs.
void Scheduler::State::all_before_have_ended(const Task& task) {
  const AttemptKey key{task.spec.id, task.attempt().id};
  Node& node = *cluster.find(task.attempt().node);
  Holding& holding = node.holdings.at(key);
  if (!holding.awaiting) return;
  holding.since = now;
  cluster.stop_awaiting(node, key, holding);
  book_ahead(node);
}

/// The attempt of the task at `slot` has not ended well: what waits for it is not to begin.
void Scheduler::State::take_back_awaiting(Slot slot, const Cause& why) {
  const std::vector<Slot> dependents = tasks[slot].dependents;
  for (const Slot dependent : dependents)
    if (tasks[dependent].is_running()) preempt({tasks[dependent].spec.id, tasks[dependent].attempt().id}, why);
}

/// After an attempt that does not count: the task goes back to where it was.
void Scheduler::State::wait_anew(Slot slot) {
  const Task& task = tasks[slot];
  if (task.open_predecessors > 0) return;
  // Of what was given before its inputs were there, nobody has looked at them.
  if (std::string why = too_much_input(task); !why.empty()) return finish(slot, TaskState::failed, std::move(why));
  make_ready(slot);
}

}  // namespace troupe::scheduler
