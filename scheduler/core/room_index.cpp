#include "scheduler/core/room_index.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe::scheduler {

RoomIndex::Place& RoomIndex::put(const NodeSpace& space) {
  const auto [place, is_new] = levels_of_.try_emplace(space.node);
  if (is_new) {
    const auto [gpus, cpus, memory_bytes] = space.room();
    place->second = {gpus, levels_[gpus].insert({cpus, memory_bytes, space}).first};
  } else {
    put(space, place->second);
  }
  return place->second;
}

void RoomIndex::put(const NodeSpace& space, Place& at) {
  const auto [gpus, cpus, memory_bytes] = space.room();
  const Entry entry{cpus, memory_bytes, space};
  const Entry& old = *at.entry;
  if (at.gpus == gpus && old.cpus == entry.cpus && old.memory_bytes == entry.memory_bytes &&
      old.space.ledger == space.ledger && old.space.spare == space.spare)
    return;
  const auto level = levels_.find(at.gpus);
  auto handle = level->second.extract(at.entry);  // no allocation on the way
  handle.value() = entry;
  if (level->second.empty() && at.gpus != gpus) levels_.erase(level);
  at = {gpus, levels_[gpus].insert(std::move(handle)).position};
}

void RoomIndex::drop(NodeId node) {
  const auto found = levels_of_.find(node);
  if (found == levels_of_.end()) return;
  const auto level = levels_.find(found->second.gpus);
  level->second.erase(found->second.entry);
  if (level->second.empty()) levels_.erase(level);
  levels_of_.erase(found);
}

std::optional<NodeSpace> RoomIndex::tightest(const Resources& needs) const {
  for (auto level = levels_.lower_bound(needs.gpus); level != levels_.end(); ++level)
    for (auto entry = level->second.lower_bound(least(needs)); entry != level->second.end(); ++entry)
      if (entry->space.has_room(needs)) return entry->space;
  return std::nullopt;
}

std::optional<NodeSpace> RoomIndex::roomiest(const Resources& needs) const {
  const auto most = [&](const Level& level) -> std::optional<NodeSpace> {
    for (auto entry = level.rbegin(); entry != level.rend() && entry->cpus >= needs.cpus; ++entry)
      if (entry->space.has_room(needs)) return entry->space;
    return std::nullopt;
  };
  for (auto level = levels_.rbegin(); level != levels_.rend() && level->first >= needs.gpus; ++level)
    if (const auto found = most(level->second)) return found;
  return std::nullopt;
}

std::optional<NodeSpace> RoomIndex::find(NodeId node, const Resources& needs) const {
  const auto found = levels_of_.find(node);
  if (found == levels_of_.end() || !found->second.entry->space.has_room(needs)) return std::nullopt;
  return found->second.entry->space;
}

std::vector<NodeSpace> RoomIndex::with_room(const Resources& needs, std::size_t most) const {
  std::vector<NodeSpace> found;
  for (auto level = levels_.rbegin(); level != levels_.rend() && level->first >= needs.gpus; ++level) {
    for (auto entry = level->second.rbegin(); entry != level->second.rend() && entry->cpus >= needs.cpus; ++entry) {
      if (found.size() == most) return found;
      if (entry->space.spare == nullptr && entry->space.ledger->fits(needs)) found.push_back(entry->space);
    }
  }
  return found;
}

}  // namespace troupe::scheduler
