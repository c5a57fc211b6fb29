#include "scheduler/policies/trial.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace troupe::scheduler {

Trial::Trial(std::span<const NodeSpace> nodes) {
  for (const auto& space : nodes) ledgers_.push_back(*space.ledger);
}

Trial Trial::of_empty(std::span<const NodeSpace> nodes) {
  Trial trial;
  for (const auto& space : nodes) trial.ledgers_.emplace_back(space.ledger->capacity());
  return trial;
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

Placed placed(const Seats& seats, std::span<const NodeSpace> nodes) {
  Placed result;
  for (const std::size_t seat : seats) result.nodes.push_back(nodes[seat].node);
  return result;
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
