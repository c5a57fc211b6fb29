#include <algorithm>
#include <optional>
#include <tuple>

#include "scheduler/policies/placement_policy.h"
#include "scheduler/policies/trial.h"

namespace troupe::scheduler {
namespace {

/// What a seating costs: bytes over edges between nodes, then such edges. Less is better.
using Cut = std::tuple<std::int64_t, std::size_t>;

Cut cut_of(const Seats& seats, std::span<const Need> members) {
  std::int64_t bytes = 0;
  std::size_t edges = 0;
  for (std::size_t stage = 0; stage + 1 < seats.size(); ++stage) {
    if (seats[stage] == seats[stage + 1]) continue;
    bytes += members[stage].bytes_to_next;
    ++edges;
  }
  return {bytes, edges};
}

/// How many stages from `first` on fit one node together.
std::size_t run_length(std::span<const Need> members, std::size_t first, NodeLedger ledger) {
  std::size_t length = 0;
  while (first + length < members.size() && ledger.take(*members[first + length].resources)) ++length;
  return length;
}

/// Walks the chain from `start`: stays on a node while stages fit, then goes on where the longest run fits.
std::optional<Seats> walk(std::span<const Need> members, Trial trial, std::size_t start) {
  Seats seats;
  std::size_t node = start;
  while (seats.size() < members.size()) {
    if (!trial[node].take(*members[seats.size()].resources)) {
      std::size_t longest = 0;
      for (std::size_t other = 0; other < trial.size(); ++other) {
        const std::size_t length = run_length(members, seats.size(), trial[other]);
        if (length <= longest) continue;
        longest = length;
        node = other;
      }
      if (longest == 0) return std::nullopt;
      continue;
    }
    seats.push_back(node);
  }
  return seats;
}

/// Any seating at all, for chains that no walk seats: the largest stages first, each where least room is left.
std::optional<Seats> squeeze(std::span<const Need> members, Trial trial) {
  Seats seats(members.size());
  for (const std::size_t member : largest_first(members)) {
    const Resources& needs = *members[member].resources;
    std::optional<std::size_t> best;
    std::tuple<Milli, Milli> best_room;
    for (std::size_t node = 0; node < trial.size(); ++node) {
      const std::tuple room{trial[node].free_gpus(), trial[node].free_cpus()};
      if (!trial[node].fits(needs) || (best && room >= best_room)) continue;
      best = node;
      best_room = room;
    }
    if (!best) return std::nullopt;
    (void)trial[*best].take(needs);
    seats[member] = *best;
  }
  return seats;
}

std::optional<Seats> seat(std::span<const Need> members, const Trial& trial) {
  std::optional<Seats> best;
  for (std::size_t start = 0; start < trial.size(); ++start) {
    auto seats = walk(members, trial, start);
    if (seats && (!best || cut_of(*seats, members) < cut_of(*best, members))) best = std::move(seats);
  }
  return best ? best : squeeze(members, trial);
}

}  // namespace

Placement place_model_parallel(std::span<const Need> members, std::span<const NodeSpace> nodes) {
  if (const auto seats = seat(members, Trial(nodes))) return placed(*seats, nodes);
  if (seat(members, Trial::of_empty(nodes))) return NotNow{"the nodes do not have room for all of its stages at once"};
  return Never{"the nodes together cannot hold its stages: " + describe_sum(members)};
}

}  // namespace troupe::scheduler
