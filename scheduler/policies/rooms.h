// The free room of the nodes, as policies ask for it. The core answers from an index that it keeps as things change;
// ListedRooms looks at each node, and says what the answers are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/resources.h"

namespace troupe::scheduler {

/// How much room a node has, as an order: gpus weigh most, so the tightest node for cpu work has none free.
struct Room {
  Milli gpus = 0;
  Milli cpus = 0;
  std::int64_t memory_bytes = 0;
  friend auto operator<=>(const Room&, const Room&) = default;
};
inline Room room_of(const NodeLedger& ledger) {
  return {ledger.free_gpus(), ledger.free_cpus(), ledger.free_memory_bytes()};
}

/// A node that takes work, and its books.
struct NodeSpace {
  NodeId node;
  const NodeLedger* ledger = nullptr;
  /// On a node that is kept for a waiting request: what others may take without delaying it. nullptr: all.
  const NodeLedger* spare = nullptr;

  bool has_room(const Resources& needs) const { return spare == nullptr ? ledger->fits(needs) : has_spare(needs); }
  /// At least as much as others may take.
  Room room() const;

 private:
  bool has_spare(const Resources& needs) const;
};

class Rooms {
 public:
  virtual ~Rooms() = default;

  /// Of the nodes that have room for `needs`, the one with the least, ties to the lower id.
  virtual std::optional<NodeSpace> tightest(const Resources& needs) const = 0;
  /// The one with the most, ties to the higher id.
  virtual std::optional<NodeSpace> roomiest(const Resources& needs) const = 0;
  /// The node, if it has room.
  virtual std::optional<NodeSpace> find(NodeId node, const Resources& needs) const = 0;
  /// Up to `most` nodes that have room for `needs`, those with most room first.
  virtual std::vector<NodeSpace> with_room(const Resources& needs, std::size_t most) const = 0;
};

/// A few nodes, or the plain way through many. Requires: the nodes outlive it.
class ListedRooms final : public Rooms {
 public:
  explicit ListedRooms(std::span<const NodeSpace> nodes) : nodes_(nodes) {}

  std::optional<NodeSpace> tightest(const Resources& needs) const override;
  std::optional<NodeSpace> roomiest(const Resources& needs) const override;
  std::optional<NodeSpace> find(NodeId node, const Resources& needs) const override;
  std::vector<NodeSpace> with_room(const Resources& needs, std::size_t most) const override;

 private:
  std::span<const NodeSpace> nodes_;
};

}  // namespace troupe::scheduler
