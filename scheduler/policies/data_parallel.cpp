#include <optional>
#include <tuple>

#include "scheduler/policies/placement_policy.h"
#include "scheduler/policies/trial.h"

namespace troupe::scheduler {
namespace {

bool all_fit(std::span<const Need> members, NodeLedger ledger) {
  for (const auto& member : members)
    if (!ledger.take(*member.resources)) return false;
  return true;
}

/// All on one node: the fullest that still holds them.
std::optional<Seats> packed(std::span<const Need> members, const Trial& trial) {
  std::optional<std::size_t> best;
  std::tuple<Milli, Milli> best_room;
  for (std::size_t node = 0; node < trial.size(); ++node) {
    const std::tuple room{trial[node].free_gpus(), trial[node].free_cpus()};
    if (best && room >= best_room) continue;
    if (!all_fit(members, trial[node])) continue;
    best = node;
    best_room = room;
  }
  if (!best) return std::nullopt;
  return Seats(members.size(), *best);
}

/// One after the other on the node that has the fewest of them so far.
std::optional<Seats> balanced(std::span<const Need> members, Trial trial) {
  Seats seats(members.size());
  std::vector<std::size_t> seated(trial.size(), 0);
  for (const std::size_t member : largest_first(members)) {
    const Resources& needs = *members[member].resources;
    std::optional<std::size_t> best;
    std::tuple<std::size_t, Milli, Milli> best_rank;
    for (std::size_t node = 0; node < trial.size(); ++node) {
      if (!trial[node].fits(needs)) continue;
      const std::tuple rank{seated[node], -trial[node].free_gpus(), -trial[node].free_cpus()};
      if (best && rank >= best_rank) continue;
      best = node;
      best_rank = rank;
    }
    if (!best) return std::nullopt;
    (void)trial[*best].take(needs);
    ++seated[*best];
    seats[member] = *best;
  }
  return seats;
}

std::optional<Seats> seat(std::span<const Need> members, const Trial& trial) {
  if (auto seats = packed(members, trial)) return seats;
  return balanced(members, trial);
}

}  // namespace

Placement place_data_parallel(std::span<const Need> members, std::span<const NodeSpace> nodes) {
  if (const auto seats = seat(members, Trial(nodes))) return placed(*seats, nodes);
  if (seat(members, Trial::of_empty(nodes))) return NotNow{"the nodes do not have room for all of its gang at once"};
  return Never{"the nodes together cannot hold its gang: " + describe_sum(members)};
}

}  // namespace troupe::scheduler
