#include "scheduler/policies/chain.h"

#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace troupe::scheduler {
namespace {

// From nodes with as much room the walks are alike, but for labels and what of their devices is free.
constexpr int most_starts_alike = 2;
constexpr int most_in_vain = 32;

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
std::size_t run_length(std::span<const Need> members, std::size_t first, SeatBooks& books) {
  std::vector<Grant> grants;
  while (first + grants.size() < members.size()) {
    auto grant = books.take(*members[first + grants.size()].resources);
    if (!grant) break;
    grants.push_back(std::move(*grant));
  }
  for (const Grant& grant : grants) books.give_back(grant);
  return grants.size();
}

/// Walks the chain from `start`: stays on a node while stages fit, then goes on where the longest run fits.
std::optional<Seats> walk(std::span<const Need> members, Trial& trial, const std::vector<bool>& is_allowed,
                          std::size_t start) {
  Seats seats;
  std::vector<Grant> grants;
  bool has_end = true;
  for (std::size_t node = start; seats.size() < members.size() && has_end;) {
    auto grant = trial[node].take(*members[seats.size()].resources);
    if (!grant) {
      std::size_t longest = 0;
      for (std::size_t other = 0; other < trial.size(); ++other) {
        if (!is_allowed[other]) continue;
        const std::size_t length = run_length(members, seats.size(), trial[other]);
        if (length <= longest) continue;
        longest = length;
        node = other;
      }
      has_end = longest > 0;
      continue;
    }
    seats.push_back(node);
    grants.push_back(std::move(*grant));
  }
  for (std::size_t i = 0; i < seats.size(); ++i) trial[seats[i]].give_back(grants[i]);
  return has_end ? std::optional(std::move(seats)) : std::nullopt;
}

/// Moves each cut to where fewer bytes cross, as far as the node behind it has room: the last one first, which makes
/// room before it.
void move_cuts(Seats& seats, std::span<const Need> members, Trial& trial) {
  std::vector<Grant> grants;
  for (std::size_t i = 0; i < seats.size(); ++i) grants.push_back(*trial[seats[i]].take(*members[i].resources));
  for (std::size_t cut = seats.size() - 1; cut > 0; --cut) {
    const std::size_t before = seats[cut - 1];
    const std::size_t behind = seats[cut];
    if (before == behind) continue;
    SeatBooks room = trial[behind];
    std::size_t best = cut;
    for (std::size_t first = cut - 1; first > 0 && seats[first - 1] == before; --first) {
      if (!room.take(*members[first].resources)) break;
      if (members[first - 1].bytes_to_next < members[best - 1].bytes_to_next) best = first;
    }
    for (std::size_t moved = cut; moved-- > best;) {
      trial[before].give_back(grants[moved]);
      grants[moved] = *trial[behind].take(*members[moved].resources);
      seats[moved] = behind;
    }
  }
  for (std::size_t i = 0; i < seats.size(); ++i) trial[seats[i]].give_back(grants[i]);
}

}  // namespace

std::optional<Seats> seat_chain(std::span<const Need> stages, Trial& trial, const std::vector<bool>& is_allowed) {
  std::optional<Seats> best;
  std::map<Room, int> starts;
  for (std::size_t start = 0; start < trial.size() && (!best || cut_of(*best, stages) > Cut()); ++start) {
    if (!is_allowed[start] || ++starts[trial[start].room()] > (best ? most_starts_alike : most_in_vain)) continue;
    auto seats = walk(stages, trial, is_allowed, start);
    if (!seats) continue;
    Seats moved = *seats;
    move_cuts(moved, stages, trial);
    if (are_held(stages, moved, trial)) seats = std::move(moved);
    if ((!best || cut_of(*seats, stages) < cut_of(*best, stages))) best = std::move(seats);
  }
  return best;
}

}  // namespace troupe::scheduler
