// Why a task does not run yet, for those who ask. It changes nothing and decides nothing: it looks at what the moves of
// the other files look at, in the order in which these do.
#include <utility>

#include "scheduler/core/state.h"
#include "scheduler/policies/trial.h"

namespace troupe::scheduler {
namespace {

std::string and_more(std::uint64_t others) { return others > 0 ? " and " + std::to_string(others) + " more" : ""; }

std::string text_of(const Holder& holder, const std::string& name) {
  const std::string kind = holder.task ? "task " : "driver ";
  if (!name.empty()) return kind + '\'' + name + '\'';
  return kind + (holder.task ? to_text(holder.task) : to_text(holder.client));
}

}  // namespace

WaitReason Scheduler::State::why_waiting(Slot slot, Detail detail) {
  const Task& task = tasks[slot];
  if (task.is_final()) return {};
  if (task.is_running()) return why_not_begun(task);
  if (task.progress.retry_at_ms != 0)
    return {
        .what = WaitsFor::delay, .text = "waits until its next attempt is due", .until_ms = task.progress.retry_at_ms};
  if (task.progress.state == TaskState::waiting) return why_behind_others(task);
  if (task.spec.gang && tasks.gang_of(task).ready < tasks.gang_of(task).open) return why_short_of_its_gang(task);
  if (!sync.can_take_all(task.spec)) return why_without_permit(task);
  if (now < placing_from)
    return {.what = WaitsFor::restart,
            .text = "the scheduler was started anew and waits for those to come back who were there",
            .until_ms = placing_from.count()};
  if (cluster.total_cpus() == 0)
    return {.what = WaitsFor::node,
            .text = cluster.alive_nodes() == 0 ? "no node is there" : "no node takes work: they are drained"};
  return why_without_room(slot, detail);
}

const Task* Scheduler::State::first_open_before(const Task& task) const {
  for (const TaskId before : predecessors_of(task.spec)) {
    const Slot slot = tasks.find(before);
    if (slot != no_slot && !tasks[slot].is_final()) return &tasks[slot];
  }
  return nullptr;
}

/// Of those before it, and before the joins among these.
WaitReason Scheduler::State::why_behind_others(const Task& task) const {
  const Task* open = &task;
  std::uint32_t others = 0;
  do {
    others += open->open_predecessors - 1;
    open = first_open_before(*open);
  } while (open != nullptr && open->spec.is_join() && open->open_predecessors > 0);
  if (open == nullptr) return {.what = WaitsFor::turn, .text = "waits"};
  return {.what = WaitsFor::predecessor,
          .text = "waits for " + name_of(open->spec) + and_more(others),
          .task = open->spec.id,
          .others = others};
}

WaitReason Scheduler::State::why_short_of_its_gang(const Task& task) const {
  const Gang& gang = tasks.gang_of(task);
  WaitReason reason{.what = WaitsFor::gang, .text = {}, .others = gang.open - gang.ready - 1};
  reason.text = "waits for " + std::to_string(gang.open - gang.ready) + " more of its gang";
  for (const Slot member : gang.members) {
    if (member == no_slot || tasks[member].is_final() || tasks[member].progress.state == TaskState::ready) continue;
    reason.task = tasks[member].spec.id;
    reason.text += ", " + name_of(tasks[member].spec) + " first";
    break;
  }
  return reason;
}

std::string Scheduler::State::name_of_holder(const Holder& holder) const {
  if (holder.task) {
    const Slot slot = tasks.find(holder.task);
    return slot == no_slot ? "" : tasks[slot].spec.name;
  }
  const auto driver = drivers.find(holder.client);
  const auto job = driver == drivers.end() ? tasks.jobs().end() : tasks.jobs().find(driver->second.own);
  return job == tasks.jobs().end() ? "" : job->second.info.name;
}

WaitReason Scheduler::State::why_without_permit(const Task& task) const {
  if (sync.is_in_grace()) return {.what = WaitsFor::restart, .text = "waits: " + sync.why_not(task.spec)};
  const auto lacking = sync.first_lacking(task.spec);
  const auto& [kind, name] = *lacking;
  const bool is_lock = kind == sync::Kind::lock;
  WaitReason reason{.what = is_lock ? WaitsFor::lock : WaitsFor::semaphore,
                    .text = "waits: " + sync.why_not(task.spec),
                    .name = name};
  const Permits::Pool* pool = (is_lock ? sync.locks() : sync.semaphores()).find(name);
  if (pool == nullptr || pool->holding.empty()) {
    reason.text = std::string("waits: others stand in line for ") + (is_lock ? "lock '" : "semaphore '") + name + '\'';
    return reason;
  }
  const Claim& first = sync.claims().at(*pool->holding.begin());
  reason.task = first.holder.task;
  reason.others = static_cast<std::uint32_t>(pool->holding.size() - 1);
  reason.text +=
      (is_lock ? " by " : ": held by ") + text_of(first.holder, name_of_holder(first.holder)) + and_more(reason.others);
  return reason;
}

WaitReason Scheduler::State::why_without_room(Slot slot, Detail detail) {
  const std::vector<Slot> members = members_of(slot);
  const Placement outcome = try_to_place(members, cluster.rooms(), &cluster.empty_rooms());
  if (const auto* never = std::get_if<Never>(&outcome)) return {.what = WaitsFor::never, .text = never->why};
  const auto* later = std::get_if<NotNow>(&outcome);
  if (later == nullptr) return {.what = WaitsFor::turn, .text = "is about to start"};
  WaitReason reason{.what = WaitsFor::room, .text = std::string(later->why)};
  if (detail == Detail::brief) return reason;
  if (!is_in_gang(tasks[slot])) return why_no_node(tasks[slot], std::move(reason.text));
  std::vector<Need> needs;
  for (const Slot member : members) needs.push_back({&tasks[member].spec.needs, 0});
  reason.text += ": for " + std::to_string(most_seated(needs, Trial(needs, cluster.rooms()))) + " of " +
                 std::to_string(members.size()) + " there is room";
  return reason;
}

/// `why`: as the policy says it, of a node that has room but for the present.
WaitReason Scheduler::State::why_no_node(const Task& task, std::string why) const {
  const Resources& needs = task.spec.needs;
  const Node* roomiest = nullptr;
  std::size_t could_hold_it = 0;
  std::size_t are_away = 0;
  bool ends_by_itself = false;
  for (const auto& [id, node] : cluster.nodes()) {
    if (!node.ledger.emptied().fits(needs)) continue;
    if (!node.takes_work()) {
      ++are_away;
      continue;
    }
    const auto kept_for = reservations.find(node.kept_for);
    if (node.kept_for != 0 && node.kept_for != task.order && kept_for != reservations.end() &&
        node.ledger.fits(needs)) {
      const TaskSpec& other = tasks[kept_for->second.head.slot].spec;
      return {
          .what = WaitsFor::kept_node,
          .text = "node '" + node.name + "' has room, and is kept for " + name_of(other) + ", which has waited longer",
          .task = other.id};
    }
    ++could_hold_it;
    ends_by_itself = ends_by_itself || node.lasting.fits(needs);
    if (roomiest == nullptr || room_of(roomiest->ledger) < room_of(node.ledger)) roomiest = &node;
  }
  if (roomiest == nullptr) {
    if (are_away == 0) return {.what = WaitsFor::room, .text = std::move(why)};
    return {.what = WaitsFor::node,
            .text = "the nodes that could hold it are away, or drained: " + std::to_string(are_away)};
  }
  const std::string where = could_hold_it == 1 ? "node '" + roomiest->name + "' is busy: "
                                               : "the " + std::to_string(could_hold_it) +
                                                     " nodes that could hold it are busy: on '" + roomiest->name + "' ";
  return {.what = WaitsFor::room,
          .text = where + roomiest->ledger.describe_free(needs) + " are free" +
                  (ends_by_itself ? "" : ", and what runs there does not end by itself")};
}

/// Of a task that runs as far as the scheduler is concerned.
WaitReason Scheduler::State::why_not_begun(const Task& task) const {
  const AttemptKey key{task.spec.id, task.attempt().id};
  const Node* node = cluster.find(task.attempt().node);
  const Holding* holding = node == nullptr ? nullptr : node->holdings.find(key);
  if (holding == nullptr)
    return {.what = WaitsFor::restart,
            .text = "it was given to a node that has not come back",
            .until_ms = awaited_until.count()};
  const std::string given = "was given to node '" + node->name + "'";
  if (task.open_predecessors > 0) {
    const Task* before = first_open_before(task);
    if (before == nullptr) return {};
    return {.what = WaitsFor::worker,
            .text = given + ", behind " + name_of(before->spec) + and_more(task.open_predecessors - 1),
            .task = before->spec.id,
            .others = task.open_predecessors - 1};
  }
  if (holding->ahead) return {.what = WaitsFor::worker, .text = given + ", where it begins when something has ended"};
  if (task.spec.is_actor() && !task.is_up) return {.what = WaitsFor::worker, .text = given + ", and starts there"};
  return {};
}

}  // namespace troupe::scheduler
