#include "scheduler/policies/trial.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t fewest_candidates = 8;

/// What all members need together, as far as one need can say it: a hint where to look for one node for all.
Resources sum_of(std::span<const Need> members) {
  Resources sum = *members.front().resources;
  for (const auto& member : members.subspan(1)) {
    sum.cpus += member.resources->cpus;
    sum.gpus += member.resources->gpus;
    sum.memory_bytes += member.resources->memory_bytes;
  }
  if (sum.gpus > 1000) sum.gpus = (sum.gpus + 999) / 1000 * 1000;
  return sum;
}

/// The largest members first, each on the node whose room is the best.
template <class IsBetter>
std::optional<Seats> squeeze_where(std::span<const Need> members, Trial trial, const IsBetter& is_better) {
  Seats seats(members.size());
  for (const std::size_t member : largest_first(members)) {
    const Resources& needs = *members[member].resources;
    std::optional<std::size_t> best;
    for (std::size_t node = 0; node < trial.size(); ++node) {
      if (!trial[node].fits(needs) || (best && !is_better(trial[node].room(), trial[*best].room()))) continue;
      best = node;
    }
    if (!best) return std::nullopt;
    (void)trial[*best].take(needs);
    seats[member] = *best;
  }
  return seats;
}

}  // namespace

SeatBooks::SeatBooks(const NodeSpace& space) : books_(space.spare == nullptr ? *space.ledger : *space.spare) {
  if (space.spare != nullptr) held_ = *space.ledger;
}

std::optional<Grant> SeatBooks::grant_for(const Resources& needs) const {
  auto grant = books_.grant_for(needs);
  if (grant && held_ && !held_->fits_exactly(*grant)) grant.reset();
  return grant;
}

std::optional<Grant> SeatBooks::take(const Resources& needs) {
  auto grant = grant_for(needs);
  if (!grant) return grant;
  TROUPE_CHECK(books_.take_exactly(*grant) && (!held_ || held_->take_exactly(*grant)), "what fits is taken");
  return grant;
}

void SeatBooks::give_back(const Grant& grant) {
  books_.give_back(grant);
  if (held_) held_->give_back(grant);
}

Room SeatBooks::room() const { return held_ ? NodeSpace{{}, &*held_, &books_}.room() : room_of(books_); }

Trial::Trial(std::span<const Need> members, const Rooms& rooms) {
  std::map<NodeId, NodeSpace> candidates;
  std::vector<const Resources*> seen;
  const std::size_t most = std::max(fewest_candidates, 2 * members.size());
  const auto add_tightest = [&](const Resources& needs) {
    const auto space = rooms.tightest(needs);
    if (space) candidates.emplace(space->node, *space);
  };
  add_tightest(sum_of(members));
  for (const auto& member : members) {
    const auto is_same = [&](const Resources* other) { return *other == *member.resources; };
    if (std::any_of(seen.begin(), seen.end(), is_same)) continue;
    seen.push_back(member.resources);
    add_tightest(*member.resources);
    for (const auto& space : rooms.with_room(*member.resources, most)) candidates.emplace(space.node, space);
  }
  for (const auto& [node, space] : candidates) {
    nodes_.push_back(node);
    books_.emplace_back(space);
  }
}

std::vector<std::size_t> largest_first(std::span<const Need> members) {
  const auto size_of = [&](std::size_t member) {
    const Resources& needs = *members[member].resources;
    return std::tuple(needs.gpus, needs.cpus, needs.memory_bytes);
  };
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return size_of(a) > size_of(b); });
  return order;
}

std::optional<Seats> squeeze(std::span<const Need> members, const Trial& trial) {
  auto seats = squeeze_where(members, trial, std::less<Room>());
  return seats ? seats : squeeze_where(members, trial, std::greater<Room>());
}

std::size_t most_seated(std::span<const Need> members, Trial trial) {
  std::size_t seated = 0;
  for (const std::size_t member : largest_first(members))
    for (std::size_t node = 0; node < trial.size(); ++node)
      if (trial[node].take(*members[member].resources)) {
        ++seated;
        break;
      }
  return seated;
}

bool are_held(std::span<const Need> members, const Seats& seats, Trial& trial) {
  std::vector<std::pair<std::size_t, Grant>> taken;
  const auto order = largest_first(members);
  const bool all = std::all_of(order.begin(), order.end(), [&](std::size_t member) {
    auto grant = trial[seats[member]].take(*members[member].resources);
    if (grant) taken.emplace_back(seats[member], std::move(*grant));
    return grant.has_value();
  });
  for (const auto& [node, grant] : taken) trial[node].give_back(grant);
  return all;
}

std::string describe_sum(std::span<const Need> members) {
  Resources sum{.cpus = 0};
  for (const auto& member : members) {
    sum.cpus += member.resources->cpus;
    sum.gpus += member.resources->gpus;
    sum.memory_bytes += member.resources->memory_bytes;
  }
  return std::to_string(members.size()) + " members need " + describe(sum) + " in all";
}

}  // namespace troupe::scheduler
