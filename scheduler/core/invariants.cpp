#include "scheduler/core/invariants.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "scheduler/core/losses.h"
#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

std::string check_attempts(const Task& task, const Settings& settings, std::uint32_t epoch) {
  const auto& attempts = task.progress.attempts;
  for (std::size_t i = 1; i < attempts.size(); ++i)
    if (!(attempts[i - 1].id < attempts[i].id)) return "an attempt's id does not grow";
  if (task.is_running() && attempts.empty()) return "runs without an attempt";
  if (task.spec.is_join() && (task.progress.state == TaskState::ready || !attempts.empty()))
    return "is a join, and ready or tried";
  if (task.progress.failed_attempts > task.spec.max_attempts) return "more attempts failed than there may be";
  if (attempts.size() > settings.most_attempts_kept) return "its record has more attempts than it may";
  std::int32_t losses = 0;  // in a row
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const AttemptRecord& attempt = attempts[i];
    const bool was_long = was_long_run(attempts, i, epoch, settings.long_run);
    if (attempt.end == AttemptEnd::failed || attempt.end == AttemptEnd::done || was_long) losses = 0;
    if (attempt.end == AttemptEnd::lost && !was_long && ++losses > 2 * settings.most_lost_attempts)
      return "more attempts were lost than there may be";
  }
  return {};
}

bool are_counted(const Job& job, const TaskTable& tasks) {
  StateCounts states{};
  std::uint32_t actors = 0;
  for (const Slot slot : job.tasks.in_order()) {
    const Task& task = tasks[slot];
    if (!task.spec.is_join()) ++states[static_cast<std::size_t>(task.progress.state)];
    if (task.spec.is_actor()) ++actors;
  }
  return states == job.states && actors == job.actors;
}

std::string check_gang(const TaskTable& tasks, const Gang& gang) {
  std::uint32_t open = 0;
  std::uint32_t running = 0;
  for (const Slot member : gang.members) {
    if (member == no_slot || tasks[member].is_final()) continue;
    ++open;
    if (tasks[member].is_running()) ++running;
  }
  if (open != gang.open)
    return std::to_string(open) + " members are open, " + std::to_string(gang.open) + " by the count";
  if (running != 0 && running != open) return std::to_string(running) + " of " + std::to_string(open) + " members run";
  return {};
}

bool devices_are_enough(const Node& node) {
  const auto& gpus = node.ledger.capacity().gpus;
  return std::all_of(gpus.begin(), gpus.end(), [&](const GpuDevice& device) {
    GpuShare granted;
    for (const auto& [key, held] : node.holdings)
      for (const auto& share : held->grant.gpus) {
        if (share.index != device.index) continue;
        granted.amount += share.amount;
        granted.memory_bytes += share.memory_bytes;
      }
    return granted.amount <= 1000 && granted.memory_bytes <= device.memory_bytes;
  });
}

std::string check_node(const Node& node) {
  if (!node.alive) return node.holdings.empty() ? "" : "is dead and holds something";
  Milli cpus = 0;
  Milli gpus = 0;
  std::int64_t memory_bytes = 0;
  for (const auto& [key, held] : node.holdings) {
    const Holding& holding = *held;
    cpus += holding.grant.cpus;
    memory_bytes += holding.grant.memory_bytes;
    for (const auto& share : holding.grant.gpus) gpus += share.amount;
  }
  std::size_t awaiting = 0;
  for (const auto& [key, held] : node.holdings) awaiting += held->awaiting ? 1 : 0;
  if (awaiting != node.awaiting) return "does not count those that wait for others there";
  const Holding* next = nullptr;
  for (auto each = node.ahead.begin(); each != node.ahead.end() && next == nullptr; ++each)
    if (const Holding* held = node.holdings.find(*each); held != nullptr && held->ahead) next = held;
  if (next != nullptr && node.ledger.fits_exactly(*next->ahead)) return "has room for what was given to it ahead";
  const NodeCapacity& capacity = node.ledger.capacity();
  if (!devices_are_enough(node)) return "has granted more of a gpu than there is";
  if (cpus + node.ledger.free_cpus() != capacity.cpus) return "has granted and free cpus that are not its capacity";
  if (memory_bytes + node.ledger.free_memory_bytes() != capacity.memory_bytes)
    return "has granted and free memory that are not its capacity";
  if (gpus + node.ledger.free_gpus() != static_cast<Milli>(capacity.gpus.size()) * 1000)
    return "has granted and free gpus that are not its capacity";
  return {};
}

}  // namespace

std::string broken_invariant(const Scheduler& scheduler) {
  const auto& state = *scheduler.state_;
  const auto is_awaited = [&](const Task& task) {
    const auto waiting = state.awaited.find(task.attempt().node);
    return waiting != state.awaited.end() &&
           std::find(waiting->second.begin(), waiting->second.end(), AttemptKey{task.spec.id, task.attempt().id}) !=
               waiting->second.end();
  };
  const auto is_held = [&](const Task& task) {
    const auto node = state.cluster.nodes().find(task.attempt().node);
    if (node == state.cluster.nodes().end()) return false;
    const Holding* held = node->second.holdings.find({task.spec.id, task.attempt().id});
    return held != nullptr && held->kind == Holding::Kind::running;
  };

  const auto has_all_before_it = [&](const Task& task) {
    return std::all_of(task.spec.after.begin(), task.spec.after.end(), [&](TaskId id) {
      const Task& before = state.tasks[state.tasks.find(id)];
      return before.is_final() || (before.is_running() && before.attempt().node == task.attempt().node);
    });
  };

  for (const auto& [id, job] : state.tasks.jobs()) {
    if (!are_counted(job, state.tasks)) return "16: job " + to_text(id) + " does not count its tasks";
    for (const Slot slot : job.tasks.in_order()) {
      const Task& task = state.tasks[slot];
      const auto name = [&task] { return name_of(task.spec) + ' '; };
      if (!job.info.durable && !job.seen.contains(task.spec.id.number)) return "16: " + name() + "counts as to come";
      if (const auto flaw = check_attempts(task, state.settings, state.epoch); !flaw.empty())
        return "3: " + name() + flaw;
      if (task.is_running() && !is_held(task) && !is_awaited(task)) return "15: " + name() + "runs nowhere";
      const bool is_delayed =
          task.progress.retry_at_ms != 0 && state.delayed.contains({Time{task.progress.retry_at_ms}, slot});
      if (task.progress.state == TaskState::waiting && task.open_predecessors == 0 && !is_delayed)
        return "15: " + name() + "waits for nothing";
      if (is_delayed && task.progress.state != TaskState::waiting) return "15: " + name() + "is delayed and goes on";
      if (task.is_running() && task.open_predecessors > 0 && (job.info.durable || !has_all_before_it(task)))
        return "3: " + name() + "runs before what it comes after";
      if (task.is_running() && task.spec.timeout.count() > 0 &&
          !state.guards.contains({*state.guard_ends(task), {task.spec.id, task.attempt().id}}))
        return "15: " + name() + "has a time-out that nobody keeps";
      if (task.progress.state != TaskState::ready) continue;
      const bool stands_in_line = state.is_in_gang(task)
                                      ? state.tasks.gang_of(task).ready < state.tasks.gang_of(task).open ||
                                            state.stands_in_line(state.tasks.gang_of(task))
                                      : state.lock_waiters.has(slot) || (task.in_line && state.ready.holds(task, slot));
      if (!stands_in_line) return "15: " + name() + "is ready and not in line";
    }
    for (const auto& [number, gang] : job.gangs)
      if (const auto flaw = check_gang(state.tasks, gang); !flaw.empty())
        return "5: gang " + std::to_string(number) + ": " + flaw;
  }

  std::map<std::uint64_t, Milli> billed;  // cpus, by the job's serial
  for (const auto& [id, node] : state.cluster.nodes())
    for (const auto& [key, held] : node.holdings)
      if (held->billed_to != 0) billed[held->billed_to] += held->grant.cpus + held->lent;
  for (const auto& [id, job] : state.tasks.jobs())
    if (job.usage.cpus != billed[job.serial])
      return "15: job " + to_text(id) + " is billed for " + std::to_string(job.usage.cpus) + " and holds " +
             std::to_string(billed[job.serial]);

  for (const auto& [id, node] : state.cluster.nodes()) {
    const auto name = [&its = node] { return "node '" + its.name + "' "; };
    if (node.drains != state.drained.contains(id)) return "13: " + name() + "is drained and is not";
    if (const auto flaw = check_node(node); !flaw.empty()) return "4: " + name() + flaw;
    for (const auto& [key, held] : node.holdings) {
      const Holding& holding = *held;
      if (holding.kind == Holding::Kind::stopping) continue;
      if (holding.kind == Holding::Kind::orphan) {
        if (!state.cluster.orphans().contains({key.task, key.attempt, id}))
          return "16: " + name() + "has a lost orphan";
        continue;
      }
      const Slot slot = state.tasks.find(key.task);
      const bool is_current = slot != no_slot && state.tasks[slot].is_running() &&
                              state.tasks[slot].attempt().id == key.attempt && state.tasks[slot].attempt().node == id;
      if (!is_current) return "16: " + name() + "runs an attempt that is not its task's current one";
      if (holding.billed_to != state.tasks[slot].job->serial) return "15: " + name() + "runs what no job is billed for";
    }
  }
  return {};
}

std::vector<HungryTask> hungry_tasks(const Scheduler& scheduler) {
  const auto& state = *scheduler.state_;
  std::set<JobId> fed;
  for (const auto& [id, node] : state.cluster.nodes())
    for (const auto& [key, held] : node.holdings) fed.insert(key.task.job);
  std::vector<HungryTask> hungry;
  for (const auto& [id, job] : state.tasks.jobs()) {
    if (job.priorities.empty() || fed.contains(id)) continue;
    std::set<std::pair<std::int32_t, ShapeIndex>> seen;
    for (const Slot slot : job.tasks.in_order()) {
      const Task& task = state.tasks[slot];
      const bool is_plain = task.in_line && task.spec.locks.empty() && task.spec.semaphores.empty();
      if (!is_plain || !seen.emplace(task.spec.priority, task.shape).second) continue;
      HungryTask& its = hungry.emplace_back(HungryTask{.task = task.spec.id, .priority = task.spec.priority});
      for (const auto& [node_id, node] : state.cluster.nodes()) {
        if (!node.takes_work() || !node.lasting.fits(task.spec.needs)) continue;
        its.nodes.push_back(node_id);
        for (const auto& [key, held] : node.holdings)
          if (!held->lasting && held->grant.cpus > 0)
            its.longest_held = std::max(its.longest_held, state.now - held->since);
      }
    }
  }
  return hungry;
}

}  // namespace troupe::scheduler
