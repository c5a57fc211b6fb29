#include "scheduler/policies/chain.h"
#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {

Placement place_model_parallel(const Request& request, const Rooms& rooms, const Rooms* if_empty) {
  return place_gang(
      request, rooms, if_empty,
      {"the nodes do not have room for all of its stages at once", "the nodes together cannot hold its stages"},
      [&](Trial& trial) {
        auto seats = seat_chain(request.members, trial, std::vector<bool>(trial.size(), true));
        return seats ? seats : squeeze(request.members, trial);
      });
}

}  // namespace troupe::scheduler
