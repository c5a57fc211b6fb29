#include "scheduler/policies/trial.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

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

}  // namespace

Trial::Trial(std::span<const Need> members, const Rooms& rooms) {
  std::map<NodeId, const NodeLedger*> candidates;
  std::vector<const Resources*> seen;
  const std::size_t most = std::max(fewest_candidates, 2 * members.size());
  const auto add_tightest = [&](const Resources& needs) {
    const auto space = rooms.tightest(needs);
    if (space && space->spare == nullptr) candidates.emplace(space->node, space->ledger);
  };
  add_tightest(sum_of(members));
  for (const auto& member : members) {
    const auto is_same = [&](const Resources* other) { return *other == *member.resources; };
    if (std::any_of(seen.begin(), seen.end(), is_same)) continue;
    seen.push_back(member.resources);
    add_tightest(*member.resources);
    for (const auto& space : rooms.with_room(*member.resources, most)) candidates.emplace(space.node, space.ledger);
  }
  for (const auto& [node, ledger] : candidates) {
    nodes_.push_back(node);
    ledgers_.push_back(*ledger);
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

std::optional<Seats> squeeze(std::span<const Need> members, Trial trial) {
  Seats seats(members.size());
  for (const std::size_t member : largest_first(members)) {
    const Resources& needs = *members[member].resources;
    std::optional<std::size_t> best;
    for (std::size_t node = 0; node < trial.size(); ++node) {
      if (!trial[node].fits(needs) || (best && room_of(trial[node]) >= room_of(trial[*best]))) continue;
      best = node;
    }
    if (!best) return std::nullopt;
    (void)trial[*best].take(needs);
    seats[member] = *best;
  }
  return seats;
}

bool are_held(std::span<const Need> members, const Seats& seats, Trial trial) {
  const auto order = largest_first(members);
  return std::all_of(order.begin(), order.end(), [&](std::size_t member) {
    return trial[seats[member]].take(*members[member].resources).has_value();
  });
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
