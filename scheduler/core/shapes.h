// The different needs that tasks have. Tasks that need the same share one answer to "is there room": once no node has
// any, only a node that gains some can have it, so nobody looks again at the others.
//
// Invariant: while something waits for a shape that is not wide, no node but its candidates has room for it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/base/resources.h"
#include "scheduler/core/bits.h"
#include "scheduler/core/event.h"
#include "scheduler/policies/rooms.h"

namespace troupe::scheduler {

using ShapeIndex = std::uint32_t;

struct Shape {
  Resources needs;
  bool spreads = false;
  std::uint32_t tasks = 0;            ///< That have it; the shape is forgotten with the last.
  std::uint32_t waiting = 0;          ///< Of those, in line.
  bool is_wide = true;                ///< Any node may have room.
  std::vector<NodeSpace> candidates;  ///< When it is not wide.
  Time served{};                      ///< When one of it was last given room, or began to wait.
  std::uint64_t judged = 0;           ///< The nodes' version for which some node could ever hold it.
};

class ShapeTable {
 public:
  /// Counts one more task. Cost: log shapes.
  ShapeIndex add(const Resources& needs, bool spreads);
  void drop(ShapeIndex index);
  /// nullptr when no task has it.
  Shape* find(const Resources& needs, bool spreads);

  void enter_line(ShapeIndex index, Time now);
  void leave_line(ShapeIndex index);

  /// No node has room any more but those in `candidates`.
  void narrow(ShapeIndex index, std::vector<NodeSpace> candidates);
  /// A node may have room that it had not: it becomes a candidate of all for which it does.
  void offer(const NodeSpace& space);
  /// Room was taken there: it is no candidate any more of those that it has no room for.
  void recheck(const NodeSpace& space);
  /// The node takes no more work, or its books are about to go.
  void withdraw(NodeId node);

  Shape& operator[](ShapeIndex index) { return shapes_[index]; }
  const Shape& operator[](ShapeIndex index) const { return shapes_[index]; }
  /// Those that something waits for.
  const Bits& waiting() const { return waiting_; }
  /// Of those, the ones for which a node may have room.
  const Bits& open() const { return open_; }
  /// Those for which some node was offered that has room, since they were last forgotten.
  const Bits& gained() const { return gained_; }
  void forget_gained() { gained_ = {}; }
  bool is_open(ShapeIndex index) const { return shapes_[index].is_wide || !shapes_[index].candidates.empty(); }
  std::size_t size() const { return by_needs_.size(); }

 private:
  struct Key {
    Resources needs;
    bool spreads = false;
    bool operator<(const Key& other) const;
  };
  void widen(ShapeIndex index);
  void note_open(ShapeIndex index);

  std::map<Key, ShapeIndex> by_needs_;
  std::vector<Shape> shapes_;
  std::vector<Room> least_;  // what a node must have for a closer look, side by side
  Bits gained_;
  std::vector<ShapeIndex> free_;
  Bits waiting_;
  Bits open_;
};

}  // namespace troupe::scheduler
