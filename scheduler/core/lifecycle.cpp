#include <algorithm>
#include <utility>

#include "runtime/base/check.h"
#include "scheduler/core/admission.h"
#include "scheduler/core/describe.h"
#include "scheduler/core/losses.h"
#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

/// Whether a failure by this cause leaves another attempt.
bool may_try_again(const TaskSpec& spec, std::int32_t failed_attempts, const Cause& cause) {
  if (failed_attempts >= spec.max_attempts) return false;
  if (!spec.retry) return true;
  const RetryRule& rule = *spec.retry;
  if (rule.exit_codes.empty() && rule.signals.empty() && rule.exceptions.empty()) return true;
  const auto names = [](const auto& list, const auto& value) {
    return value != std::decay_t<decltype(value)>() && std::find(list.begin(), list.end(), value) != list.end();
  };
  return names(rule.exit_codes, cause.exit_code) || names(rule.signals, cause.signal) ||
         names(rule.exceptions, cause.exception);
}

}  // namespace

/// What the store has is taken as it is; what follows from it (counts, the ready, what waits for a node) is made anew.
void Scheduler::State::load(StoredState stored) {
  for (const auto& info : stored.jobs) tasks.add_job(info);
  cache.load(stored.cached);
  if (!has_planted(Planted::drained_node_given_work)) drained.insert(stored.drained.begin(), stored.drained.end());
  std::vector<Slot> loaded;
  for (auto& record : stored.tasks) {
    Job* job = tasks.find_job(record.spec.id.job);
    TROUPE_CHECK(job != nullptr, "the store has the job of each task");
    loaded.push_back(tasks.add(*job, std::move(record.spec), std::move(record.progress)));
  }
  for (const Slot slot : loaded) tasks.link(slot);
  std::vector<Slot> due_joins;
  for (const Slot slot : loaded) {
    Task& task = tasks[slot];
    if (task.is_final()) continue;
    if (task.is_running()) {
      awaited[task.attempt().node].push_back({task.spec.id, task.attempt().id});
      sync.take_again(task.spec, task.attempt().id);
      guard(task);
      continue;
    }
    tasks.set_state(task, TaskState::waiting);
    if (task.open_predecessors > 0) continue;
    if (task.spec.is_join()) {
      due_joins.push_back(slot);
    } else if (task.progress.retry_at_ms != 0 && !has_planted(Planted::retry_delay_forgotten_at_restart)) {
      resume_delay(slot);
    } else {
      make_ready(slot);
    }
  }
  load_finished(stored.summaries, loaded);
  for (const Slot slot : dirty) tasks[slot].dirty = false;
  dirty.clear();
  // This scheduler writes the end of a join with that of the last before it: who wrote this did not. What comes of it
  // here is written with the first step.
  for (const Slot slot : due_joins) settle(slot);
}

void Scheduler::State::touch(Slot slot) {
  Task& task = tasks[slot];
  if (!task.job->info.durable || task.dirty) return;
  task.dirty = true;
  dirty.push_back(slot);
}

std::string Scheduler::State::too_much_input(const Task& task) const {
  std::size_t bytes = 0;
  for (const TaskId input : task.spec.inputs) bytes += tasks[tasks.find(input)].progress.result.size();
  if (bytes == 0) return {};  // What is its own was looked at when it was submitted.
  bytes += bytes_of(task.spec);
  if (bytes <= settings.most_input_bytes) return {};
  return "its inputs, with what it was submitted with, have " + std::to_string(bytes) + " bytes together; at most " +
         std::to_string(settings.most_input_bytes) + " can be handed to a task";
}

void Scheduler::State::make_ready(Slot slot) {
  Task& task = tasks[slot];
  TROUPE_CHECK(!task.spec.is_join(), "a join never stands in line");
  tasks.set_state(task, TaskState::ready);
  task.progress.retry_at_ms = 0;
  task.ready_since = now;
  touch(slot);
  placement_due = true;
  if (!is_in_gang(task)) return sync.can_take_all(task.spec) ? stand_in_line(slot) : wait_for_locks(slot);
  Gang& gang = tasks.gang_of(task);
  if (++gang.ready < gang.open) return;
  ready.add_gang({gang.priority, gang.order, slot});
  for (const Slot member : members_of(slot)) shapes.enter_line(tasks[member].shape, now);
  new_gangs.emplace(-std::int64_t{gang.priority}, gang.order);
}

void Scheduler::State::stand_in_line(Slot slot) {
  Task& task = tasks[slot];
  task.in_line = true;
  shapes.enter_line(task.shape, now);
  ready.add(task, slot);
  placement_due = true;
}

void Scheduler::State::leave_ready(Slot slot) {
  Task& task = tasks[slot];
  if (const auto lacked = lock_waiters.remove(task.order, slot)) {
    if (!lock_waiters.first_of(*lacked)) sync.unqueue_tasks(*lacked);
    return;
  }
  note_free_locks_of(task.spec);
  if (!is_in_gang(task)) {
    task.in_line = false;
    shapes.leave_line(task.shape);
    ready.remove(task);
    hopeless_for.erase(task.order);
    return drop_reservation(task.order);
  }
  Gang& gang = tasks.gang_of(task);
  --gang.ready;
  if (!stands_in_line(gang)) return;
  ready.remove_gang(gang.priority, gang.order);
  new_gangs.erase({-std::int64_t{gang.priority}, gang.order});
  for (const Slot member : members_of(slot)) shapes.leave_line(tasks[member].shape);
  hopeless_for.erase(gang.order);
  drop_reservation(gang.order);
}

void Scheduler::State::run(Slot slot, Node& node) { start(slot, node, false); }

/// A record has a bound. The oldest goes first of those that were stopped for others: they say least.
void Scheduler::State::make_room_for_one(RareVector<AttemptRecord>& attempts) const {
  if (attempts.size() < settings.most_attempts_kept) return;
  const auto was_stopped = [](const AttemptRecord& each) {
    return each.end == AttemptEnd::cancelled || each.end == AttemptEnd::preempted;
  };
  auto& all = attempts.as_vector();
  const auto oldest = std::find_if(all.begin(), all.end(), was_stopped);
  all.erase(oldest == all.end() ? all.begin() : oldest);
}

/// `is_ahead`: the node has no room for it yet, or it comes after something that still runs there.
void Scheduler::State::start(Slot slot, Node& node, bool is_ahead) {
  Task& task = tasks[slot];
  const bool awaits = task.open_predecessors > 0;
  if (!awaits) leave_ready(slot);
  for (const auto& orphan : cluster.orphans_of(task.spec.id)) stop(orphan.node, {orphan.task, orphan.attempt});
  const auto& before = task.progress.attempts;
  const bool starts_over =
      before.empty() || (has_planted(Planted::attempt_counter_reset_by_restart) && before.back().id.epoch < epoch);
  const std::uint32_t last = starts_over ? task.job->attempt_floor : before.back().id.number;
  AttemptId id{has_planted(Planted::attempt_counter_reset_by_restart) ? 1 : epoch, last + 1};
  // A node may list what this scheduler never gave: one before it, whose store was lost, counted the same epoch.
  while (node.holdings.contains({task.spec.id, id})) ++id.number;
  make_room_for_one(task.progress.attempts);
  task.progress.attempts.push_back({.id = id, .node = node.id, .started_ms = now.count()});
  tasks.set_state(task, TaskState::running);
  touch(slot);
  sync.take_all(task.spec, id);
  const AttemptKey key{task.spec.id, id};
  Holding& holding = is_ahead ? cluster.give_ahead(node, key, task.spec.needs, awaits)
                              : cluster.take(node, key, task.spec.needs, task.spec.is_actor());
  holding.slot = slot;
  holding.since = now;
  bill(*task.job, holding);
  shapes[task.shape].served = now;
  if (!is_ahead) shapes.recheck(node.space());
  guard(task);
  send(RunTask{node.id, task.spec.id, id});
  note_start(task);
}

/// Goes on with an attempt that an earlier scheduler gave. Requires: it is held there as an orphan.
void Scheduler::State::adopt(Slot slot, Node& node, AttemptId attempt) {
  leave_ready(slot);
  Task& task = tasks[slot];
  task.progress.attempts.push_back({.id = attempt, .node = node.id, .started_ms = now.count()});
  tasks.set_state(task, TaskState::running);
  touch(slot);
  sync.take_again(task.spec, attempt);
  guard(task);
  const AttemptKey key{task.spec.id, attempt};
  cluster.set_kind(node, key, Holding::Kind::running);
  if (task.spec.is_actor()) {  // Which nobody knew of one that was not up yet.
    drop_reservation(node.kept_for);
    cluster.make_lasting(node, key);
  }
  node.holdings.at(key).since = now;
  bill(*task.job, node.holdings.at(key));
  if (const std::string address = node.holdings.at(key).address; !address.empty()) actor_is_up(slot, address);
  note_start(task);
}

std::optional<RunOrder> Scheduler::State::order_for(TaskId id, AttemptId attempt) {
  const Slot slot = tasks.find(id);
  if (slot == no_slot || !tasks[slot].is_running() || tasks[slot].attempt().id != attempt) return std::nullopt;
  const Task& task = tasks[slot];
  const Node* node = cluster.find(task.attempt().node);
  const Holding* holding = node == nullptr ? nullptr : node->holdings.find({id, attempt});
  if (holding == nullptr) return std::nullopt;
  RunOrder order{.task = task.spec.id,
                 .attempt = task.attempt().id,
                 .name = task.spec.name,
                 .program = task.job->info.program,
                 .work = task.spec.work,
                 .inputs = {},
                 .grant = holding->ahead ? *holding->ahead : holding->grant,
                 .timeout = task.spec.timeout,
                 .gang = task.spec.gang,
                 .ahead = holding->ahead.has_value(),
                 .token = sync.token_of(task.spec.id, task.attempt().id),
                 .durable = task.job->info.durable};
  order.grant.cpus += holding->lent;
  for (const TaskId input : task.spec.inputs) {
    const Task& before = tasks[tasks.find(input)];
    if (before.is_running())
      order.awaits.push_back({input, before.attempt().id, static_cast<std::uint32_t>(order.inputs.size())});
    order.inputs.push_back(before.progress.result);
  }
  if (task.open_predecessors == 0) return order;
  for (const TaskId before_it : task.spec.after) {
    const Task& before = tasks[tasks.find(before_it)];
    const auto& inputs = task.spec.inputs;
    if (before.is_running() && std::find(inputs.begin(), inputs.end(), before_it) == inputs.end())
      order.awaits.push_back({before_it, before.attempt().id});
  }
  return order;
}

/// Tells the node to end the attempt. What it holds stays booked until the node has answered.
void Scheduler::State::stop(NodeId id, AttemptKey key) {
  Node* node = cluster.find(id);
  if (node == nullptr || !node->holdings.contains(key)) return;
  cluster.set_kind(*node, key, Holding::Kind::stopping);
  send(StopAttempt{id, key.task, key.attempt});
}

void Scheduler::State::close_attempt(Slot slot, AttemptEnd end, const Cause& cause) {
  Task& task = tasks[slot];
  unguard(task);
  AttemptRecord& attempt = task.progress.attempts.back();
  attempt.ended_ms = now.count();
  attempt.end = end;
  attempt.cause = cause;
  tasks.set_state(task, TaskState::waiting);  // for what becomes of it
  touch(slot);
  if (!std::exchange(task.is_up, false)) return;
  tell_all(*task.job, TellActorDown{{}, task.spec.id, attempt.id, cause});
}

void Scheduler::State::attempt_is_over(Slot slot, AttemptEnd end, const Cause& cause, const Bytes& result) {
  Task& task = tasks[slot];
  // What has not begun was not lost.
  if (end == AttemptEnd::lost && task.open_predecessors > 0) end = AttemptEnd::preempted;
  close_attempt(slot, end, cause);
  if (end == AttemptEnd::done) {
    const auto again = repeats(task, result);
    if (!again) return finish(slot, TaskState::failed, again.error().message);
    if (*again) {
      ++task.progress.iteration;
      task.progress.failed_attempts = 0;
      return make_ready(slot);
    }
    task.progress.result = result;
    publish_to_cache(task);
    return finish(slot, TaskState::done, {});
  }
  take_back_awaiting(slot, {.message = "what it waits for runs anew: " + one_line(cause)});
  if (end == AttemptEnd::failed) {
    ++task.progress.failed_attempts;
    if (!may_try_again(task.spec, task.progress.failed_attempts, cause) &&
        !has_planted(Planted::attempts_without_bound)) {
      if (has_planted(Planted::cached_result_of_failed_task)) publish_to_cache(task);
      return finish(slot, TaskState::failed, one_line(cause));
    }
    retry(slot);
    if (task.spec.gang && !has_planted(Planted::gang_goes_on_without_a_member)) restart_gang_of(slot, cause);
    return;
  }
  if (end == AttemptEnd::lost && is_lost_for_good(task.progress.attempts))
    return finish(slot, TaskState::failed,
                  "lost " + std::to_string(losses_in_a_row(task.progress.attempts, epoch, settings.long_run).size()) +
                      " attempts in a row: " + one_line(cause));
  wait_anew(slot);
  if (task.spec.gang && !has_planted(Planted::gang_goes_on_without_a_member)) restart_gang_of(slot, cause);
}

/// Lost so often that it is the task's doing. Where there are two nodes it was on two, if another had room for it.
bool Scheduler::State::is_lost_for_good(const std::vector<AttemptRecord>& attempts) const {
  const auto nodes = losses_in_a_row(attempts, epoch, settings.long_run);
  const auto most = static_cast<std::size_t>(settings.most_lost_attempts);
  if (nodes.size() < most) return false;
  const bool are_on_one = std::all_of(nodes.begin(), nodes.end(), [&](NodeId node) { return node == nodes.front(); });
  const bool is_there_another = std::any_of(cluster.nodes().begin(), cluster.nodes().end(), [&](const auto& each) {
    return each.second.alive && each.first != nodes.front();
  });
  return !are_on_one || !is_there_another || nodes.size() >= 2 * most;
}

/// The others of a gang cannot go on without the member at `slot`: all that are not final start again together.
void Scheduler::State::restart_gang_of(Slot slot, const Cause& cause) {
  if (has_planted(Planted::gang_reserved_one_by_one)) return;
  const Cause why{.message = "stopped with its gang: " + name_of(tasks[slot].spec) + ": " + one_line(cause)};
  const std::vector<Slot> members = tasks.gang_of(tasks[slot]).members;
  for (const Slot member : members) {
    if (member == no_slot || !tasks[member].is_running()) continue;
    const AttemptRecord attempt = tasks[member].attempt();
    stop(attempt.node, {tasks[member].spec.id, attempt.id});
    close_attempt(member, AttemptEnd::cancelled, why);
    make_ready(member);
  }
}

void Scheduler::State::finish(Ending first) {
  std::vector<Ending> endings{std::move(first)};
  for (std::size_t i = 0; i < endings.size(); ++i) {
    const Ending ending = std::move(endings[i]);
    if (!tasks.holds(ending.slot) || tasks[ending.slot].is_final()) continue;
    end(ending);

    Task& task = tasks[ending.slot];
    const bool is_passed = ending.state == TaskState::done || ending.not_taken;
    const RareVector<Slot> dependents = std::exchange(task.dependents, {});
    for (const Slot slot : dependents) {
      Task& dependent = tasks[slot];
      --dependent.open_predecessors;
      const bool is_due = dependent.open_predecessors == 0 ||
                          (dependent.spec.is_join() && has_planted(Planted::join_ends_with_the_first_before_it));
      if (ending.not_taken) dependent.after_untaken = true;
      if (!is_passed) {
        if (!has_planted(Planted::successors_of_failed_left_waiting) || ending.state != TaskState::failed)
          endings.push_back({slot, TaskState::skipped, why_skipped(task.spec, task.progress)});
      } else if (is_due && dependent.progress.state == TaskState::waiting) {
        if (auto fate = fate_of(slot)) {
          endings.push_back(std::move(*fate));
        } else {
          make_ready(slot);
        }
      } else if (is_due && dependent.is_running()) {
        all_before_have_ended(dependent);
      }
    }
    if (task.spec.gang) {
      Gang& gang = tasks.gang_of(task);
      --gang.open;
      // The first that ends otherwise than well takes all others along.
      if (ending.state != TaskState::done && !std::exchange(gang.is_ending, true)) {
        const bool is_skipped = ending.state == TaskState::skipped;
        const std::string why = is_skipped ? ending.reason : "its gang's " + why_skipped(task.spec, task.progress);
        for (const Slot member : gang.members) endings.push_back({member, ending.state, why, ending.not_taken});
      }
    }
    for (const TaskId before : predecessors_of(task.spec)) {
      const Slot slot = tasks.find(before);
      if (slot == no_slot) continue;
      --tasks[slot].open_dependents;
      forget_if_released(slot);
    }
    forget_if_released(ending.slot);
  }
}

/// Of this task alone: what follows for others is finish()'s.
void Scheduler::State::end(const Ending& ending) {
  Task& task = tasks[ending.slot];
  if (task.is_running()) {
    const AttemptKey key{task.spec.id, task.attempt().id};
    Node* node = cluster.find(task.attempt().node);
    stop(task.attempt().node, key);
    close_attempt(ending.slot, AttemptEnd::cancelled, {.message = ending.reason});
    if (has_planted(Planted::resources_freed_at_cancel) && node != nullptr && node->holdings.contains(key))
      release(*node, key);
  }
  if (task.progress.state == TaskState::ready) leave_ready(ending.slot);
  end_delay(ending.slot);
  tasks.set_state(task, ending.state);
  task.progress.reason = ending.reason;
  if (ending.not_taken) task.progress.branch = Branch::not_taken;
  if (!ending.not_taken || !has_planted(Planted::branch_decision_not_stored)) touch(ending.slot);
  tasks.give_up_name(task);
  tell_all(*task.job, end_of(task));
}

TellTaskEnded Scheduler::State::end_of(const Task& task) {
  return {.task = task.spec.id,
          .state = task.progress.state,
          .result = task.progress.result,
          .cause = task.progress.reason,
          .attempts = task.progress.attempts};
}

void Scheduler::State::forget_if_released(Slot slot) {
  if (tasks[slot].released && tasks.can_be_forgotten(slot)) tasks.forget(slot);
}

}  // namespace troupe::scheduler
