// Books to try a gang on: copies of the candidates' ledgers, so that a trial that fails leaves nothing behind.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {

/// The books of one node. On one that is kept for a waiting request, what it takes has to fit beside that, too.
class SeatBooks {
 public:
  explicit SeatBooks(const NodeSpace& space);

  bool fits(const Resources& needs) const { return grant_for(needs).has_value(); }
  std::optional<Grant> take(const Resources& needs);
  void give_back(const Grant& grant);
  Room room() const;

 private:
  std::optional<Grant> grant_for(const Resources& needs) const;

  NodeLedger books_;
  std::optional<NodeLedger> held_;  // What is really free, on a kept node: `books_` are its spare ones.
};

class Trial {
 public:
  /// Nodes among which the members find seats, if they find any: for each different need those with most room.
  ///
  /// Cost: different needs · members looks.
  Trial(std::span<const Need> members, const Rooms& rooms);

  std::size_t size() const { return books_.size(); }
  SeatBooks& operator[](std::size_t node) { return books_[node]; }
  const SeatBooks& operator[](std::size_t node) const { return books_[node]; }
  NodeId node(std::size_t place) const { return nodes_[place]; }

 private:
  std::vector<NodeId> nodes_;  // in order of id
  std::vector<SeatBooks> books_;
};

/// The node of each member, by place in the trial.
using Seats = std::vector<std::size_t>;

/// Members from the largest to the smallest, equals in order of rank: large ones first fit more often. Whoever takes
/// what a policy has seated takes it in this order: shares of gpus that fit in one may not in another.
std::vector<std::size_t> largest_first(std::span<const Need> members);

/// Any seats at all: the largest members first, each where least room is left; or, where that fails, where most is.
std::optional<Seats> squeeze(std::span<const Need> members, const Trial& trial);

/// How many of them find seats, the largest first: about as many as can.
std::size_t most_seated(std::span<const Need> members, Trial trial);

/// Whether all members are held where they sit, taken in that order. The trial is as it was, then.
bool are_held(std::span<const Need> members, const Seats& seats, Trial& trial);

/// `4 members need 8 cpus, 4 gpus in all`.
std::string describe_sum(std::span<const Need> members);

/// What a gang's policy answers, by the way in which it seats members on a trial.
struct GangWords {
  std::string_view busy;
  std::string_view too_large;
};
template <class Seat>
Placement place_gang(const Request& request, const Rooms& rooms, const Rooms* if_empty, const GangWords& words,
                     const Seat& seat) {
  const auto seat_all = [&](Trial on) {
    std::optional<Seats> seats = seat(on);
    return seats && !are_held(request.members, *seats, on) ? squeeze(request.members, on) : seats;
  };
  const Trial trial(request.members, rooms);
  if (const std::optional<Seats> seats = seat_all(trial)) {
    Placed placed;
    for (const std::size_t place : *seats) placed.nodes.push_back(trial.node(place));
    return placed;
  }
  if (if_empty != nullptr && !seat_all(Trial(request.members, *if_empty)))
    return Never{std::string(words.too_large) + ": " + describe_sum(request.members)};
  return NotNow{words.busy};
}

}  // namespace troupe::scheduler
