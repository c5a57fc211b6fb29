#include "scheduler/core/reservations.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t fewest_looked_at = 16;
constexpr std::size_t fewest_reservations = 8;
constexpr std::size_t nodes_per_reservation = 16;
constexpr int most_in_vain = 8;  // A look at all nodes, each.
constexpr std::size_t most_looked_at = 1024;

}  // namespace

/// Now and then: keeps nodes for those that have waited too long, the first in line first.
void Scheduler::State::keep_nodes_for_the_patient() {
  if (now < next_sweep) return;
  next_sweep = now + std::max(settings.line_patience / 4, Time{10});
  if (ready.is_empty() || now < placing_from || has_planted(Planted::nothing_kept_for_the_patient)) return;
  drop_hopeless_reservations();
  take_what_lower_ones_keep();
  preempt_for_all();

  // So many are kept for at once, and so many are looked at in vain; those behind them have their turn the next time.
  const std::size_t most = std::max(fewest_reservations, cluster.nodes().size() / nodes_per_reservation);
  int in_vain = 0;
  const auto patient = the_patient(std::exchange(patient_until, std::nullopt));
  for (const Head& head : patient) {
    if (reservations.contains(head.order)) continue;
    const Hopeless as_now{cluster.lasting_gains(),
                          is_in_gang(tasks[head.slot]) ? tasks.gang_of(tasks[head.slot]).open : 1};
    if (const auto known = hopeless_for.find(head.order); known != hopeless_for.end() && known->second == as_now)
      continue;
    const auto kept = std::count_if(reservations.begin(), reservations.end(),
                                    [&](const auto& each) { return each.second.head.priority >= head.priority; });
    if (static_cast<std::size_t>(kept) >= most) break;
    if (reserve(head)) continue;
    hopeless_for[head.order] = as_now;
    if (++in_vain < most_in_vain) continue;
    patient_until = std::tuple(-std::int64_t{head.priority}, head.order);
    break;
  }
}

/// Those in line behind `behind` that have waited long: gangs, as many as are looked at in one sweep, of single tasks
/// those whose like has not been served for as long, and those of jobs that hold nothing, whose turn may come late
/// because others of their like, submitted later, were served longer ago. Where there are more gangs, the next sweep
/// goes on with them.
std::vector<Head> Scheduler::State::the_patient(const std::optional<ReadyQueue::GangRank>& behind) {
  const auto rank_of = [](const Head& head) { return ReadyQueue::GangRank{-std::int64_t{head.priority}, head.order}; };
  std::vector<Head> patient;
  auto gang = behind ? ready.gangs().upper_bound(*behind) : ready.gangs().begin();
  for (std::size_t looked_at = 0; gang != ready.gangs().end() && looked_at < most_looked_at; ++gang, ++looked_at)
    if (now - tasks[gang->second.slot].ready_since >= settings.line_patience) patient.push_back(gang->second);
  if (gang != ready.gangs().end()) patient_until = std::prev(gang)->first;
  shapes.waiting().for_each([&](std::size_t shape) {
    if (now - shapes[static_cast<ShapeIndex>(shape)].served < settings.line_patience) return;
    const auto head = ready.next_of(static_cast<ShapeIndex>(shape));
    if (head && (!behind || rank_of(*head) > *behind)) patient.push_back(*head);
  });
  for (const Head& head : ready.oldest_of_the_hungry(shapes.waiting()))
    if (now - tasks[head.slot].ready_since >= settings.line_patience && (!behind || rank_of(head) > *behind))
      patient.push_back(head);
  std::sort(patient.begin(), patient.end(), [&](const Head& a, const Head& b) { return rank_of(a) < rank_of(b); });
  const auto again =
      std::unique(patient.begin(), patient.end(), [](const Head& a, const Head& b) { return a.order == b.order; });
  patient.erase(again, patient.end());
  return patient;
}

/// Only for what would fit once all that ends by itself has ended: nobody waits for an actor to end. False: it would
/// not, beside what is kept for those that are not lower.
bool Scheduler::State::reserve(const Head& head) {
  if (leaves_for_locks(head.slot)) return true;
  const std::vector<Slot> members = members_of(head.slot);
  const auto try_on = [&](const std::vector<NodeSpace>& spaces) {
    return try_to_place(members, ListedRooms(spaces), nullptr);
  };
  auto spaces = cluster.lasting_spaces(std::max(fewest_looked_at, 2 * members.size()));
  Placement outcome = try_on(spaces);
  if (std::holds_alternative<NotNow>(outcome) && spaces.size() < cluster.nodes().size()) {
    spaces = cluster.lasting_spaces(cluster.nodes().size());
    outcome = try_on(spaces);
  }
  // What is kept for lower ones is no reason to wait; those may have other nodes in their turn.
  if (std::holds_alternative<NotNow>(outcome)) {
    const std::size_t unkept = spaces.size();
    for (const auto& [order, lower] : reservations)
      for (const auto& [id, seated] : lower.seats)
        if (lower.head.priority < head.priority) spaces.push_back({id, &cluster.find(id)->lasting});
    if (spaces.size() > unkept) outcome = try_on(spaces);
  }
  const auto* placed = std::get_if<Placed>(&outcome);
  if (placed == nullptr) return false;
  for (const NodeId id : placed->nodes) drop_reservation(cluster.find(id)->kept_for);

  Reservation& reservation = reservations[head.order];
  reservation.head = head;
  for (const std::size_t i : seating_order(members)) reservation.seats[placed->nodes[i]].push_back(members[i]);
  for (const auto& [id, seated] : reservation.seats) {
    std::vector<const Resources*> needs;
    for (const Slot member : seated) needs.push_back(&tasks[member].spec.needs);
    Node& node = *cluster.find(id);
    cluster.keep(node, head.order, needs);
    shapes.withdraw(id);
    shapes.offer(node.space());
  }
  preempt_for(reservation);
  start_if_kept_room_is_free(head.order);
  return true;
}

/// True: the task has room that was kept for one of lower priority, and runs there. Requires: it may take its locks.
bool Scheduler::State::takes_from_lower(const Head& head) {
  for (const auto& [order, reservation] : reservations) {
    if (reservation.head.priority >= head.priority) continue;
    for (const auto& [id, seated] : reservation.seats) {
      Node& node = *cluster.find(id);
      if (!has_room_for(node, {head.slot}, node.ledger)) continue;
      drop_reservation(order);
      run(head.slot, node);
      return true;
    }
  }
  return false;
}

void Scheduler::State::take_what_lower_ones_keep() {
  if (reservations.empty()) return;
  std::vector<Head> heads;
  shapes.waiting().for_each([&](std::size_t shape) {
    if (const auto head = ready.next_of(static_cast<ShapeIndex>(shape))) heads.push_back(*head);
  });
  for (const Head& head : heads)
    if (!leaves_for_locks(head.slot)) takes_from_lower(head);
}

bool Scheduler::State::has_room_for(const Node& node, const std::vector<Slot>& seated, NodeLedger books) const {
  return node.takes_work() && std::all_of(seated.begin(), seated.end(), [&](Slot member) {
           return books.take(tasks[member].spec.needs).has_value();
         });
}

void Scheduler::State::start_if_kept_room_is_free(std::uint64_t order) {
  const auto found = reservations.find(order);
  if (found == reservations.end()) return;
  for (const auto& [id, seated] : found->second.seats) {
    const Node& node = *cluster.find(id);
    if (!has_room_for(node, seated, node.ledger)) return;
  }
  if (leaves_for_locks(found->second.head.slot)) return;
  const auto seats = found->second.seats;
  drop_reservation(order);
  for (const auto& [id, seated] : seats)
    for (const Slot member : seated) run(member, *cluster.find(id));
}

void Scheduler::State::preempt_for_all() {
  std::vector<std::uint64_t> orders;
  for (const auto& [order, reservation] : reservations) orders.push_back(order);
  for (const std::uint64_t order : orders)
    if (const auto found = reservations.find(order); found != reservations.end()) preempt_for(found->second);
}

/// Makes room on the kept nodes by stopping what has lower priority and may be stopped: the lowest first, then what
/// started last; nothing that does not help, and nothing at all while that is not enough for all of the request. It
/// gets a TERM, and its agent's kill_grace to make an end. What it leaves is the request's, also where it ran on spare
/// room: else it would run there again.
void Scheduler::State::preempt_for(const Reservation& reservation) {
  std::vector<std::pair<Node*, AttemptKey>> victims;
  for (const auto& [id, seated] : reservation.seats) {
    Node& node = *cluster.find(id);
    NodeLedger books = node.ledger;
    std::vector<std::tuple<std::int32_t, std::int64_t, AttemptKey>> lower;
    for (const auto& [key, held] : node.holdings) {
      const Holding& holding = *held;
      if (holding.kind == Holding::Kind::stopping) books.give_back(holding.grant);
      if (holding.kind != Holding::Kind::running || holding.lasting) continue;
      const Task& task = tasks[tasks.find(key.task)];
      if (task.spec.preemptible && task.spec.priority < reservation.head.priority)
        lower.emplace_back(task.spec.priority, -task.attempt().started_ms, key);
    }
    std::sort(lower.begin(), lower.end());
    std::vector<AttemptKey> here;
    for (const auto& [priority, age, key] : lower) {
      if (has_room_for(node, seated, books)) break;
      books.give_back(node.holdings.at(key).grant);
      here.push_back(key);
    }
    if (!has_room_for(node, seated, books)) return;
    for (auto key = here.rbegin(); key != here.rend(); ++key) {
      NodeLedger without_it = books;
      if (without_it.take_exactly(node.holdings.at(*key).grant) && has_room_for(node, seated, without_it)) {
        books = std::move(without_it);
      } else {
        victims.emplace_back(&node, *key);
      }
    }
  }
  const Cause why{.message = "made room for " + name_of(tasks[reservation.head.slot].spec) + " of priority " +
                             std::to_string(reservation.head.priority)};
  for (const auto& [node, key] : victims) {
    node->holdings.at(key).spared_by = 0;
    preempt(key, why);
  }
}

/// Stops an attempt that did no wrong: its task goes back into line, and nothing is counted.
void Scheduler::State::preempt(AttemptKey key, const Cause& why) {
  const Slot slot = tasks.find(key.task);
  // One before it may have stopped it with its gang.
  if (slot == no_slot || !tasks[slot].is_running() || tasks[slot].attempt().id != key.attempt) return;
  stop(tasks[slot].attempt().node, key);
  attempt_is_over(slot, AttemptEnd::preempted, why, {});
}

void Scheduler::State::drop_reservation(std::uint64_t order) {
  const auto found = reservations.find(order);
  if (found == reservations.end()) return;
  const auto seats = std::move(found->second.seats);
  reservations.erase(found);
  placement_due = true;
  for (const auto& [id, seated] : seats) {
    Node& node = *cluster.find(id);
    cluster.let_go(node);
    shapes.withdraw(id);
  }
}

/// The node takes no more work, or comes back with other books.
void Scheduler::State::withdraw(Node& node) {
  drop_reservation(node.kept_for);
  shapes.withdraw(node.id);
}

/// An actor that came up meanwhile may hold what was counted on.
void Scheduler::State::drop_hopeless_reservations() {
  if (std::exchange(lasting_seen, cluster.lasting_version()) == cluster.lasting_version()) return;
  std::vector<std::uint64_t> hopeless;
  for (const auto& [order, reservation] : reservations) {
    for (const auto& [id, seated] : reservation.seats) {
      const Node& node = *cluster.find(id);
      if (!has_room_for(node, seated, node.lasting)) {
        hopeless.push_back(order);
        break;
      }
    }
  }
  for (const std::uint64_t order : hopeless) drop_reservation(order);
}

}  // namespace troupe::scheduler
