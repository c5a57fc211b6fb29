// The nodes that take work, in order of their room, so that a fitting one is found without a look at all of them.
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "scheduler/policies/rooms.h"

namespace troupe::scheduler {

/// Cost: of a change, log nodes; of a question, log nodes for each different number of free gpus, and a look at each
/// node that has cpus and gpus enough and still no room (by memory, by a named resource, by label, or because its free
/// gpus are fractions of several devices).
class RoomIndex final : public Rooms {
 private:
  struct Entry {
    Milli cpus = 0;
    std::int64_t memory_bytes = 0;
    NodeSpace space;
    friend bool operator<(const Entry& a, const Entry& b) {
      return std::tie(a.cpus, a.memory_bytes, a.space.node) < std::tie(b.cpus, b.memory_bytes, b.space.node);
    }
  };
  using Level = std::set<Entry>;  // nodes with the same number of free gpus

 public:
  struct Place {
    Milli gpus = 0;
    Level::iterator entry;
  };

  /// Puts the node where its books now say that it belongs. Its place stays the same until it is dropped. Requires: the
  /// ledgers outlive its place here.
  Place& put(const NodeSpace& space);
  void put(const NodeSpace& space, Place& at);
  void drop(NodeId node);
  std::size_t size() const { return levels_of_.size(); }

  std::optional<NodeSpace> tightest(const Resources& needs) const override;
  std::optional<NodeSpace> roomiest(const Resources& needs) const override;
  std::optional<NodeSpace> find(NodeId node, const Resources& needs) const override;
  std::vector<NodeSpace> with_room(const Resources& needs, std::size_t most) const override;

 private:
  static Entry least(const Resources& needs) { return {.cpus = needs.cpus, .memory_bytes = 0, .space = {}}; }

  std::map<Milli, Level> levels_;
  std::unordered_map<NodeId, Place> levels_of_;  // lookup only
};

}  // namespace troupe::scheduler
