#include "scheduler/core/room_index.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "runtime/base/check.h"

namespace troupe::scheduler {
namespace {

constexpr Milli none = std::numeric_limits<Milli>::min();

}  // namespace

RoomIndex::Place& RoomIndex::put(const NodeSpace& space) {
  const auto [found, is_new] = places_.try_emplace(space.node);
  if (is_new) {
    found->second = {space.room(), space};
    insert(found->second);
  } else {
    put(space, found->second);
  }
  return found->second;
}

void RoomIndex::put(const NodeSpace& space, Place& at) {
  const Place place{space.room(), space};
  if (at.room == place.room && at.space.ledger == space.ledger && at.space.spare == space.spare) return;
  erase(at);
  insert(place);
  at = place;
}

void RoomIndex::drop(NodeId node) {
  const auto found = places_.find(node);
  if (found == places_.end()) return;
  erase(found->second);
  places_.erase(found);
}

std::size_t RoomIndex::block_of(const Rank& rank) const {
  const auto behind = std::upper_bound(blocks_.begin(), blocks_.end(), rank,
                                       [](const Rank& wanted, const Block& block) { return wanted < block.from; });
  return behind == blocks_.begin() ? 0 : static_cast<std::size_t>(behind - blocks_.begin()) - 1;
}

RoomIndex::Position RoomIndex::lower_bound(const Rank& rank) const {
  if (blocks_.empty()) return {};
  const std::size_t block = block_of(rank);
  const auto& places = blocks_[block].places;
  const auto place = std::lower_bound(places.begin(), places.end(), rank,
                                      [](const Place& each, const Rank& wanted) { return rank_of(each) < wanted; });
  if (place == places.end()) return {block + 1, 0};
  return {block, static_cast<std::size_t>(place - places.begin())};
}

void RoomIndex::insert(const Place& place) {
  const Rank rank = rank_of(place);
  if (blocks_.empty()) blocks_.push_back({rank, {}});
  const std::size_t at = block_of(rank);
  auto& places = blocks_[at].places;
  const auto before = std::upper_bound(places.begin(), places.end(), rank,
                                       [](const Rank& wanted, const Place& each) { return wanted < rank_of(each); });
  places.insert(before, place);
  if (places.size() < block_size) return;
  const auto middle = places.begin() + block_size / 2;
  Block upper{rank_of(*middle), {middle, places.end()}};
  places.erase(middle, places.end());
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(upper));
}

void RoomIndex::erase(const Place& place) {
  const Position at = lower_bound(rank_of(place));
  TROUPE_CHECK(at.block < blocks_.size() && blocks_[at.block].places[at.place].space.node == place.space.node,
               "a node stands where its place says");
  auto& places = blocks_[at.block].places;
  places.erase(places.begin() + static_cast<std::ptrdiff_t>(at.place));
  if (places.empty()) blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at.block));
}

std::optional<NodeSpace> RoomIndex::tightest(const Resources& needs) const {
  Position at = lower_bound({{needs.gpus, needs.cpus, none}, {}});
  while (at.block < blocks_.size()) {
    const Place& place = blocks_[at.block].places[at.place];
    if (place.room.cpus < needs.cpus) {  // the first with this many gpus: those with more cpus are further on
      at = lower_bound({{place.room.gpus, needs.cpus, none}, {}});
      continue;
    }
    if (place.space.has_room(needs)) return place.space;
    if (++at.place == blocks_[at.block].places.size()) at = {at.block + 1, 0};
  }
  return std::nullopt;
}

template <class Visit>
void RoomIndex::from_roomiest(const Resources& needs, const Visit& visit) const {
  Position at{blocks_.size(), 0};  // behind the next
  while (at.block > 0 || at.place > 0) {
    if (at.place == 0) at = {at.block - 1, blocks_[at.block - 1].places.size()};
    const Place& place = blocks_[at.block].places[--at.place];
    if (place.room.gpus < needs.gpus) return;
    if (place.room.cpus < needs.cpus) {  // so have all with this many gpus that are left
      at = lower_bound({{place.room.gpus, none, none}, {}});
    } else if (visit(place.space)) {
      return;
    }
  }
}

std::optional<NodeSpace> RoomIndex::roomiest(const Resources& needs) const {
  std::optional<NodeSpace> found;
  from_roomiest(needs, [&](const NodeSpace& space) {
    if (space.has_room(needs)) found = space;
    return found.has_value();
  });
  return found;
}

std::optional<NodeSpace> RoomIndex::find(NodeId node, const Resources& needs) const {
  const auto found = places_.find(node);
  if (found == places_.end() || !found->second.space.has_room(needs)) return std::nullopt;
  return found->second.space;
}

std::vector<NodeSpace> RoomIndex::with_room(const Resources& needs, std::size_t most) const {
  std::vector<NodeSpace> found;
  from_roomiest(needs, [&](const NodeSpace& space) {
    if (found.size() == most) return true;
    if (space.has_room(needs)) found.push_back(space);
    return false;
  });
  return found;
}

}  // namespace troupe::scheduler
