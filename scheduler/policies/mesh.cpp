#include <algorithm>

#include "runtime/base/check.h"
#include "scheduler/policies/chain.h"
#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {
namespace {

/// One pipeline after the other, each on the nodes that hold the fewest pipelines so far.
std::optional<Seats> seat_pipelines(const Request& request, Trial trial) {
  Seats seats;
  std::vector<std::size_t> pipelines(trial.size(), 0);  // that each node takes part in
  while (seats.size() < request.members.size()) {
    const auto stages = request.members.subspan(seats.size(), request.stages);
    std::optional<Seats> chain;
    for (std::size_t most = 0; !chain && most * request.stages <= seats.size(); ++most) {
      std::vector<bool> is_allowed(trial.size());
      for (std::size_t node = 0; node < trial.size(); ++node) is_allowed[node] = pipelines[node] <= most;
      chain = seat_chain(stages, trial, is_allowed);
    }
    if (!chain) return std::nullopt;
    for (std::size_t stage = 0; stage < stages.size(); ++stage) {
      const std::size_t node = (*chain)[stage];
      if (!trial[node].take(*stages[stage].resources)) return std::nullopt;
      if (std::find(chain->begin(), chain->begin() + static_cast<std::ptrdiff_t>(stage), node) ==
          chain->begin() + static_cast<std::ptrdiff_t>(stage))
        ++pipelines[node];
    }
    seats.insert(seats.end(), chain->begin(), chain->end());
  }
  return seats;
}

}  // namespace

Placement place_mesh(const Request& request, const Rooms& rooms, const Rooms* if_empty) {
  TROUPE_CHECK(request.stages > 0 && request.members.size() % request.stages == 0, "a mesh has whole pipelines");
  return place_gang(
      request, rooms, if_empty,
      {"the nodes do not have room for all of its pipelines at once", "the nodes together cannot hold its pipelines"},
      [&](Trial& trial) {
        auto seats = seat_pipelines(request, trial);
        return seats ? seats : squeeze(request.members, trial);
      });
}

}  // namespace troupe::scheduler
