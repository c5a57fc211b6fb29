#include "runtime/base/check.h"
#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {

Placement place_task(const Request& request, const Rooms& rooms, const Rooms* if_empty) {
  TROUPE_CHECK(request.members.size() == 1, "a request without a gang is one task");
  const Resources& needs = *request.members.front().resources;

  for (const NodeId node : request.near)
    if (const auto space = rooms.find(node, needs)) return Placed{{space->node}};
  if (const auto space = request.spreads ? rooms.roomiest(needs) : rooms.tightest(needs)) return Placed{{space->node}};

  if (if_empty != nullptr && !if_empty->tightest(needs)) return Never{"no node has " + describe(needs)};
  return NotNow{"every node that could hold it is busy, or kept for what has waited longer"};
}

}  // namespace troupe::scheduler
