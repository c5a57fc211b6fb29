#include "scheduler/policies/rooms.h"

#include <algorithm>
#include <tuple>

namespace troupe::scheduler {
namespace {

std::tuple<Room, NodeId> rank_of(const NodeSpace& space) { return {space.room(), space.node}; }

}  // namespace

bool NodeSpace::has_spare(const Resources& needs) const {
  const auto grant = spare->grant_for(needs);
  return grant && ledger->fits_exactly(*grant);
}

Room NodeSpace::room() const {
  const Room free = room_of(*ledger);
  if (spare == nullptr) return free;
  const Room open = room_of(*spare);
  return {std::min(free.gpus, open.gpus), std::min(free.cpus, open.cpus),
          std::min(free.memory_bytes, open.memory_bytes)};
}

std::optional<NodeSpace> ListedRooms::tightest(const Resources& needs) const {
  std::optional<NodeSpace> best;
  for (const auto& space : nodes_)
    if (space.has_room(needs) && (!best || rank_of(space) < rank_of(*best))) best = space;
  return best;
}

std::optional<NodeSpace> ListedRooms::roomiest(const Resources& needs) const {
  std::optional<NodeSpace> best;
  for (const auto& space : nodes_)
    if (space.has_room(needs) && (!best || rank_of(*best) < rank_of(space))) best = space;
  return best;
}

std::optional<NodeSpace> ListedRooms::find(NodeId node, const Resources& needs) const {
  for (const auto& space : nodes_)
    if (space.node == node && space.has_room(needs)) return space;
  return std::nullopt;
}

std::vector<NodeSpace> ListedRooms::with_room(const Resources& needs, std::size_t most) const {
  std::vector<NodeSpace> found;
  for (const auto& space : nodes_)
    if (space.has_room(needs)) found.push_back(space);
  std::sort(found.begin(), found.end(), [](const NodeSpace& a, const NodeSpace& b) { return rank_of(b) < rank_of(a); });
  if (found.size() > most) found.resize(most);
  return found;
}

}  // namespace troupe::scheduler
