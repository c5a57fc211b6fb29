#include <tuple>

#include "runtime/base/check.h"
#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {

Placement place_task(std::span<const Need> members, std::span<const NodeSpace> nodes) {
  TROUPE_CHECK(members.size() == 1, "a request without a gang is one task");
  const Resources& needs = *members.front().resources;

  const NodeSpace* best = nullptr;
  std::tuple<Milli, Milli, std::int64_t> best_room;
  for (const auto& space : nodes) {
    if (needs.cpus > space.ledger->free_cpus() || !space.ledger->fits(needs)) continue;
    const std::tuple room{space.ledger->free_gpus(), space.ledger->free_cpus(), space.ledger->free_memory_bytes()};
    if (best != nullptr && room >= best_room) continue;  // ties stay with the lower id
    best = &space;
    best_room = room;
  }
  if (best != nullptr) return Placed{{best->node}};

  for (const auto& space : nodes)
    if (space.ledger->could_ever_fit(needs)) return NotNow{"every node that could hold it is busy"};
  return Never{"no node has " + describe(needs)};
}

}  // namespace troupe::scheduler
