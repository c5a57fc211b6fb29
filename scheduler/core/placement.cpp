#include <algorithm>
#include <utility>

#include "runtime/base/check.h"
#include "scheduler/core/state.h"
#include "scheduler/policies/policy_table.h"

namespace troupe::scheduler {
void Scheduler::State::place_ready() {
  if (!placement_due) return;
  if (now < placing_from) {
    if (!ready.is_empty()) wake_by(placing_from);
    return;
  }
  placement_due = false;
  if (!cluster.orphans().empty()) adopt_orphans();

  auto heads = ready.heads();
  HeldNodes held;
  while (!heads.empty()) {
    const Head head = heads.begin()->second;
    heads.erase(heads.begin());
    const std::vector<Slot> members = members_of(head);
    Kinds kinds = 0;
    for (const Slot member : members) kinds = static_cast<Kinds>(kinds | kinds_of(tasks[member].spec.needs));

    const Placement outcome = held.is_empty() ? try_to_place(members, cluster.spaces())
                                              : try_to_place(members, held.without(cluster.spaces(), kinds));
    const Placed* placed = std::get_if<Placed>(&outcome);
    if (placed == nullptr) {
      const bool has_waited_long = now - tasks[head.slot].ready_since >= settings.line_patience;
      if (!heads.empty() && has_waited_long) hold_the_line(members, kinds, held);
      continue;
    }
    for (std::size_t i = 0; i < members.size(); ++i) run(members[i], *cluster.find(placed->nodes[i]));
    const Task& task = tasks[head.slot];
    if (const auto next = members.size() == 1 ? ready.next_like(task.spec.needs) : std::nullopt)
      heads.emplace(next->order, *next);
  }
}

/// Only for what would fit once all that ends by itself has ended: the line does not wait for an actor to end.
void Scheduler::State::hold_the_line(const std::vector<Slot>& members, Kinds kinds, HeldNodes& held) const {
  if (!std::holds_alternative<Placed>(try_to_place(members, cluster.lasting_spaces()))) return;
  for (const auto& space : cluster.lasting_spaces()) {
    const bool is_wanted = std::any_of(members.begin(), members.end(),
                                       [&](Slot member) { return space.ledger->fits(tasks[member].spec.needs); });
    if (is_wanted) held.hold(space.node, kinds);
  }
}

std::vector<Slot> Scheduler::State::members_of(const Head& head) const {
  const Task& task = tasks[head.slot];
  if (!task.spec.gang || has_planted(Planted::gang_reserved_one_by_one)) return {head.slot};
  std::vector<Slot> members;
  for (const Slot member : tasks.gang_of(task).members)
    if (member != no_slot && !tasks[member].is_final()) members.push_back(member);
  return members;
}

Placement Scheduler::State::try_to_place(const std::vector<Slot>& members, std::span<const NodeSpace> nodes) const {
  std::vector<Need> needs;
  for (const Slot member : members) {
    const TaskSpec& spec = tasks[member].spec;
    needs.push_back({&spec.needs, spec.gang ? spec.gang->bytes_to_next : 0});
  }
  const auto& gang = tasks[members.front()].spec.gang;
  const bool is_gang = gang && !has_planted(Planted::gang_reserved_one_by_one);
  return policy_for(is_gang ? std::optional(gang->policy) : std::nullopt)(needs, nodes);
}

/// Goes on with what ready tasks run already, as given by an earlier scheduler; a gang only if all of it still runs.
void Scheduler::State::adopt_orphans() {
  const auto orphans = cluster.orphans();
  for (const auto& orphan : orphans) {
    const Slot slot = tasks.find(orphan.task);
    if (slot == no_slot || tasks[slot].progress.state != TaskState::ready) continue;
    if (tasks[slot].spec.gang && !ready.holds_gang(tasks.gang_of(tasks[slot]).order)) continue;
    const std::vector<Slot> members = members_of({tasks[slot].order, slot});
    const bool all = std::all_of(members.begin(), members.end(), [this](Slot member) {
      return tasks[member].progress.attempts.empty() && !cluster.orphans_of(tasks[member].spec.id).empty();
    });
    if (!all) continue;
    for (const Slot member : members) {
      auto its = cluster.orphans_of(tasks[member].spec.id);
      adopt(member, *cluster.find(its.back().node), its.back().attempt);
      its.pop_back();
      for (const auto& other : its) stop(other.node, {other.task, other.attempt});
    }
  }
}

std::string Scheduler::State::why_waiting(Slot slot) const {
  const Task& task = tasks[slot];
  if (task.progress.state == TaskState::waiting) {
    for (const TaskId before : predecessors_of(task.spec)) {
      const Slot place = tasks.find(before);
      if (place == no_slot || tasks[place].is_final()) continue;
      const std::string others =
          task.open_predecessors > 1 ? " and " + std::to_string(task.open_predecessors - 1) + " more" : "";
      return "waits for " + name_of(tasks[place].spec) + others;
    }
    return "waits";
  }
  if (task.spec.gang && tasks.gang_of(task).ready < tasks.gang_of(task).open)
    return "waits for " + std::to_string(tasks.gang_of(task).open - tasks.gang_of(task).ready) + " more of its gang";
  if (cluster.spaces().empty()) return "no node is there";
  const Placement outcome = try_to_place(members_of({task.order, slot}), cluster.spaces());
  if (const auto* later = std::get_if<NotNow>(&outcome)) return std::string(later->why);
  if (const auto* never = std::get_if<Never>(&outcome)) return never->why;
  return "is about to start";
}

}  // namespace troupe::scheduler
