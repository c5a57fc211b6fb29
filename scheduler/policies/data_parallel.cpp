#include <optional>
#include <tuple>

#include "scheduler/policies/trial.h"

namespace troupe::scheduler {
namespace {

bool all_fit(std::span<const Need> members, SeatBooks books) {
  for (const auto& member : members)
    if (!books.take(*member.resources)) return false;
  return true;
}

/// All on one node: the fullest that still holds them.
std::optional<Seats> packed(std::span<const Need> members, const Trial& trial) {
  std::optional<std::size_t> best;
  for (std::size_t node = 0; node < trial.size(); ++node) {
    if (best && trial[node].room() >= trial[*best].room()) continue;
    if (all_fit(members, trial[node])) best = node;
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
      const Room room = trial[node].room();
      const std::tuple rank{seated[node], -room.gpus, -room.cpus};
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

Placement place_data_parallel(const Request& request, const Rooms& rooms, const Rooms* if_empty) {
  return place_gang(
      request, rooms, if_empty,
      {"the nodes do not have room for all of its gang at once", "the nodes together cannot hold its gang"},
      [&](const Trial& trial) { return seat(request.members, trial); });
}

}  // namespace troupe::scheduler
