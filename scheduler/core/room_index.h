// The nodes that take work, in order of their room, so that a fitting one is found without a look at all of them.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/policies/rooms.h"

namespace troupe::scheduler {

/// Nodes close in order stand close in memory, a few dozen to a block: each decision changes a place, and where every
/// node has a tree's node of its own, a dozen of these are fetched from far to find it.
///
/// Cost: of a change, log nodes and a block; of a question, log nodes for each different number of free gpus, and a
/// look at each node that has cpus and gpus enough and still no room (by memory, by a named resource, by label, or
/// because its free gpus are fractions of several devices).
class RoomIndex final : public Rooms {
 public:
  struct Place {
    Room room;
    NodeSpace space;
  };

  /// Puts the node where its books now say that it belongs. Its place stays the same until it is dropped. Requires: the
  /// ledgers outlive its place here.
  Place& put(const NodeSpace& space);
  void put(const NodeSpace& space, Place& at);
  void drop(NodeId node);
  std::size_t size() const { return places_.size(); }

  std::optional<NodeSpace> tightest(const Resources& needs) const override;
  std::optional<NodeSpace> roomiest(const Resources& needs) const override;
  std::optional<NodeSpace> find(NodeId node, const Resources& needs) const override;
  std::vector<NodeSpace> with_room(const Resources& needs, std::size_t most) const override;

 private:
  using Rank = std::pair<Room, NodeId>;
  static Rank rank_of(const Place& place) { return {place.room, place.space.node}; }

  static constexpr std::size_t block_size = 32;
  /// In order, never empty: those from this rank up to where the next block begins. Of the first also those before.
  struct Block {
    Rank from;
    std::vector<Place> places;
  };
  struct Position {
    std::size_t block = 0;
    std::size_t place = 0;
  };
  std::size_t block_of(const Rank& rank) const;
  /// The first that is not before `rank`; behind the last block if there is none.
  Position lower_bound(const Rank& rank) const;
  void insert(const Place& place);
  void erase(const Place& place);
  /// Calls `visit` with those that have the cpus and gpus, from the one with most room, until it says that it is done.
  template <class Visit>
  void from_roomiest(const Resources& needs, const Visit& visit) const;

  std::vector<Block> blocks_;
  std::unordered_map<NodeId, Place> places_;  // lookup only
};

}  // namespace troupe::scheduler
