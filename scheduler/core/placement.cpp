// Who starts where. An event makes room on few nodes, or brings few tasks: only what these can change is looked at.
#include <algorithm>
#include <utility>

#include "runtime/base/carried_value.h"
#include "runtime/base/check.h"
#include "scheduler/core/state.h"
#include "scheduler/policies/policy_table.h"
#include "scheduler/policies/trial.h"

namespace troupe::scheduler {
namespace {

// The first gangs in line are tried whenever there is more room, those behind them in their turn, or when their
// patience ends and nodes are kept for them; new ones once, at once.
constexpr std::size_t most_gangs_tried = 8;  // In vain.
constexpr std::size_t most_first_tried = 4;
constexpr int most_gangs_looked_at = 64;
constexpr int most_first_looked_at = 16;
constexpr Time gang_round_interval{10};               // a search for many seats costs more than an event may
constexpr std::uint64_t much_input_bytes = 64 << 10;  // worth a place that is not the tightest

/// How often the need fits into the room, if no more than the sums count; at most `most`.
std::int64_t most_seats(const Room& room, const Resources& needs, std::int64_t most) {
  if (needs.cpus > 0) most = std::min(most, room.cpus / needs.cpus);
  if (needs.gpus > 0) most = std::min(most, room.gpus / needs.gpus);
  if (needs.memory_bytes > 0) most = std::min(most, room.memory_bytes / needs.memory_bytes);
  return most;
}

}  // namespace

void Scheduler::State::place_ready() {
  if (!placement_due && !(gangs_gained && now >= next_gang_round)) return;
  if (now < placing_from) {
    if (!ready.is_empty()) wake_by(placing_from);
    return;
  }
  placement_due = false;
  if (!cluster.orphans().empty()) adopt_orphans();

  bool is_round = false;
  std::optional<ReadyQueue::GangRank> last;            // That had its turn in it.
  std::optional<ReadyQueue::GangRank> goes_on_behind;  // Where the last round did not come to all.
  int looked_at = 0;
  std::vector<Slot> failed;
  const auto is_cut = [&] { return failed.size() >= most_gangs_tried || looked_at >= most_gangs_looked_at; };
  for (;;) {
    take_gains();
    if (!is_round && gangs_gained && now >= next_gang_round && failed.empty()) {
      is_round = true;
      goes_on_behind = round_until;
      if (!round_until) gained_in_round = false;
    }
    // It has looked at the first few anew.
    if (goes_on_behind && (failed.size() >= most_first_tried || looked_at >= most_first_looked_at)) {
      last = last ? std::max(*last, *goes_on_behind) : *goes_on_behind;
      goes_on_behind.reset();
    }
    auto gang = ready.gangs().end();
    if (!is_cut() && is_round) gang = last ? ready.gangs().upper_bound(*last) : ready.gangs().begin();
    // Room that was gained is for those first that have waited for it.
    bool is_new = !is_cut() && !new_gangs.empty() && (is_round || !gangs_gained);
    if (is_new) {
      const auto first_new = ready.gangs().find(*new_gangs.begin());
      is_new = gang == ready.gangs().end() || first_new->first <= gang->first;
      if (is_new && (gang == ready.gangs().end() || first_new->first < gang->first)) {
        gang = first_new;
      } else if (is_new) {
        last = gang->first;
      }
    }
    const auto single = ready.next(shapes.open());
    if (gang != ready.gangs().end() && (!single || gang->second.priority >= single->priority)) {
      ++looked_at;
      new_gangs.erase(gang->first);
      if (!is_new) last = gang->first;
      const Slot first = gang->second.slot;
      if ((is_new || is_worth_a_try(first)) && !start_gang(first, failed)) failed.push_back(first);
    } else if (single) {
      start_single(*single);
    } else {
      break;
    }
  }
  if (!new_gangs.empty() && !gangs_gained) {
    placement_due = true;
    wake_by(now + Time{1});
  }
  if (is_round && !failed.empty()) next_gang_round = now + gang_round_interval;
  if (is_round && last) end_gang_round(*last, is_cut());
  if (ready.gangs().empty()) {
    gangs_gained = false;
    round_until.reset();
    shapes.forget_gained();
  } else if (gangs_gained) {
    next_gang_round = std::max(next_gang_round, now + Time{1});
    wake_by(next_gang_round);
  }
}

/// Not all had their turn: the next round goes on behind those that had. Or all had, and another round begins where a
/// node has gained room meanwhile.
void Scheduler::State::end_gang_round(const ReadyQueue::GangRank& last, bool is_cut) {
  if (is_cut) {
    round_until = std::max(round_until.value_or(last), last);
    return;
  }
  round_until.reset();
  if (gained_in_round) return;
  gangs_gained = false;
  shapes.forget_gained();
}

/// Nodes that have room which they had not: what waits for such room may have it.
void Scheduler::State::take_gains() {
  if (!cluster.has_gained()) return;
  gangs_gained = gained_in_round = true;
  for (const Node* node : cluster.take_gained()) {
    if (!node->takes_work()) continue;
    if (node->kept_for != 0) start_if_kept_room_is_free(node->kept_for);
    shapes.offer(node->space());
  }
}

void Scheduler::State::start_single(const Head& head) {
  const Task& task = tasks[head.slot];
  if (leaves_for_locks(head.slot)) return;
  const Need need{&task.spec.needs, 0};
  const std::vector<NodeId> near = nodes_near(task);
  const Request request{.members = {&need, 1}, .spreads = task.spec.spreads, .near = near};
  const Shape& shape = shapes[task.shape];
  if (const auto elsewhere = node_after_loss(task)) return run(head.slot, *cluster.find(*elsewhere));
  const Placement outcome = shape.is_wide ? place_task(request, cluster.rooms(), nullptr)
                                          : place_task(request, ListedRooms(shape.candidates), nullptr);
  if (const auto* placed = std::get_if<Placed>(&outcome)) return run(head.slot, *cluster.find(placed->nodes.front()));
  if (!takes_from_lower(head)) shapes.narrow(task.shape, {});
}

/// Where its last attempt was lost it goes only if there is room nowhere else: the two may not get on.
std::optional<NodeId> Scheduler::State::node_after_loss(const Task& task) {
  const auto& attempts = task.progress.attempts;
  if (attempts.empty() || attempts.back().end != AttemptEnd::lost) return std::nullopt;
  for (const auto& space : cluster.rooms().with_room(task.spec.needs, 2))
    if (space.node != attempts.back().node) return space.node;
  return std::nullopt;
}

/// What has not fitted fits only after a node has gained room for a member; and a search for many seats costs more than
/// every event may, so that gangs are tried again in rounds.
bool Scheduler::State::is_worth_a_try(Slot first) const {
  const Gang& gang = tasks.gang_of(tasks[first]);
  return std::any_of(gang.members.begin(), gang.members.end(), [this](Slot member) {
    return member != no_slot && !tasks[member].is_final() && shapes.gained().has(tasks[member].shape);
  });
}

/// False: it does not fit now, or one like it in `failed` did not.
bool Scheduler::State::start_gang(Slot first, const std::vector<Slot>& failed) {
  const Gang& gang = tasks.gang_of(tasks[first]);
  const auto is_like_it = [&](Slot other) {
    const Gang& tried = tasks.gang_of(tasks[other]);
    return tried.policy == gang.policy && tried.open == gang.open && tasks[other].shape == tasks[first].shape;
  };
  if (std::any_of(failed.begin(), failed.end(), is_like_it)) return false;
  const std::vector<Slot> members = members_of(first);
  if (!may_have_seats(members)) return false;
  Placement outcome = try_to_place(members, cluster.rooms(), nullptr);
  if (std::holds_alternative<Placed>(outcome) && reservations.contains(gang.order)) {
    // Of what was kept for it, it was tried on the spare room alone; and it takes devices as if nothing were kept.
    drop_reservation(gang.order);
    outcome = try_to_place(members, cluster.rooms(), nullptr);
  }
  const auto* placed = std::get_if<Placed>(&outcome);
  if (placed == nullptr) return false;
  for (const std::size_t i : seating_order(members)) run(members[i], *cluster.find(placed->nodes[i]));
  return true;
}

/// False: there are too few, by a count that is quick and may be too high.
bool Scheduler::State::may_have_seats(const std::vector<Slot>& members) {
  std::vector<std::pair<ShapeIndex, std::int64_t>> wanted;
  for (const Slot member : members) {
    const ShapeIndex shape = tasks[member].shape;
    if (!shapes.is_open(shape)) return false;
    const auto same = std::find_if(wanted.begin(), wanted.end(), [&](const auto& each) { return each.first == shape; });
    if (same == wanted.end()) {
      wanted.emplace_back(shape, 1);
    } else {
      ++same->second;
    }
  }
  for (const auto& [shape, count] : wanted) {
    const Resources& needs = shapes[shape].needs;
    std::int64_t seats = 0;
    const auto spaces = shapes[shape].is_wide ? cluster.rooms().with_room(needs, static_cast<std::size_t>(count))
                                              : shapes[shape].candidates;
    for (const auto& space : spaces) seats += most_seats(space.room(), needs, count);
    if (seats < count) return false;
  }
  return true;
}

/// Those of a gang that are not final; of a single task itself.
std::vector<Slot> Scheduler::State::members_of(Slot slot) const {
  const Task& task = tasks[slot];
  if (!is_in_gang(task)) return {slot};
  std::vector<Slot> members;
  for (const Slot member : tasks.gang_of(task).members)
    if (member != no_slot && !tasks[member].is_final()) members.push_back(member);
  return members;
}

/// In which they take what they were placed on: as policies try it.
std::vector<std::size_t> Scheduler::State::seating_order(const std::vector<Slot>& members) const {
  std::vector<Need> needs;
  for (const Slot member : members) needs.push_back({&tasks[member].spec.needs, 0});
  return largest_first(needs);
}

Placement Scheduler::State::try_to_place(const std::vector<Slot>& members, const Rooms& rooms,
                                         const Rooms* if_empty) const {
  std::vector<Need> needs;
  for (const Slot member : members) {
    const TaskSpec& spec = tasks[member].spec;
    needs.push_back({&spec.needs, spec.gang ? spec.gang->bytes_to_next : 0});
  }
  const Task& first = tasks[members.front()];
  Request request{.members = needs, .spreads = first.spec.spreads};
  if (!is_in_gang(first)) return place_task(request, rooms, if_empty);
  const Gang& gang = tasks.gang_of(first);
  // What is left of a mesh after members have ended is seated as one chain.
  request.stages = members.size() == gang.members.size() ? gang.stages : static_cast<std::uint32_t>(members.size());
  return policy_for(gang.policy)(request, rooms, if_empty);
}

/// The node where most of the task's input was made, if that is much; and the one that its driver knows of.
std::vector<NodeId> Scheduler::State::nodes_near(const Task& task) const {
  std::vector<NodeId> near;
  std::uint64_t most = much_input_bytes;
  for (const TaskId input : task.spec.inputs) {
    const Task& before = tasks[tasks.find(input)];
    const std::uint64_t bytes = value_bytes(before.progress.result);
    if (bytes < most || before.progress.attempts.empty()) continue;
    most = bytes;
    near = {before.attempt().node};
  }
  if (task.spec.near) near.push_back(task.spec.near);
  return near;
}

/// Goes on with what ready tasks run already, as given by an earlier scheduler; a gang only if all of it still runs.
///
/// What it was made of has to be what counts, and that is what the driver was told. Of an input that is open here it
/// was told nothing; and what a later scheduler told may be another attempt's result.
void Scheduler::State::adopt_orphans() {
  const auto orphans = cluster.orphans();
  const auto is_made_of_what_counts = [this](Slot slot, AttemptId attempt) {
    return tasks[slot].spec.inputs.empty() && tasks[slot].spec.inputs_epoch <= attempt.epoch;
  };
  for (const auto& orphan : orphans) {
    const Slot slot = tasks.find(orphan.task);
    if (slot == no_slot || tasks[slot].is_final()) continue;
    if (!is_made_of_what_counts(slot, orphan.attempt)) {
      stop(orphan.node, {orphan.task, orphan.attempt});
      continue;
    }
    if (tasks[slot].progress.state != TaskState::ready) continue;
    if (is_in_gang(tasks[slot]) && !stands_in_line(tasks.gang_of(tasks[slot]))) continue;
    const std::vector<Slot> members = members_of(slot);
    const bool all = std::all_of(members.begin(), members.end(), [this](Slot member) {
      return tasks[member].progress.attempts.empty() && !cluster.orphans_of(tasks[member].spec.id).empty();
    });
    if (!all) continue;
    if (!sync.may_take_again(tasks[slot].spec)) {
      stop(orphan.node, {orphan.task, orphan.attempt});  // Another holds its lock by now.
      continue;
    }
    for (const Slot member : members) {
      auto its = cluster.orphans_of(tasks[member].spec.id);
      adopt(member, *cluster.find(its.back().node), its.back().attempt);
      its.pop_back();
      for (const auto& other : its) stop(other.node, {other.task, other.attempt});
    }
  }
}

}  // namespace troupe::scheduler
