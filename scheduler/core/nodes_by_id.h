// Where each node is, by its id: an open table, which costs one look at memory where an unordered_map costs three.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "runtime/base/ids.h"

namespace troupe::scheduler {

struct Node;

class NodesById {
 public:
  /// nullptr when there is none.
  Node* find(NodeId id) const {
    for (std::size_t at = home_of(id);; at = next(at))
      if (places_[at].id == id || places_[at].node == nullptr) return places_[at].node;
  }
  /// Requires: it is not there.
  void add(NodeId id, Node* node) {
    if (2 * ++size_ > places_.size()) grow();
    std::size_t at = home_of(id);
    while (places_[at].node != nullptr) at = next(at);
    places_[at] = {id, node};
  }
  /// Requires: it is there.
  void erase(NodeId id) {
    std::size_t at = home_of(id);
    while (places_[at].id != id) at = next(at);
    --size_;
    // Those behind it, up to a gap, may be found only by way of its place: they are put anew.
    for (places_[at] = {}; places_[at = next(at)].node != nullptr;) {
      const Place moved = std::exchange(places_[at], {});
      --size_;
      add(moved.id, moved.node);
    }
  }

 private:
  struct Place {
    NodeId id;
    Node* node = nullptr;
  };
  std::size_t home_of(NodeId id) const { return (std::hash<NodeId>{}(id) >> 32) & (places_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (places_.size() - 1); }
  void grow() {
    const std::vector<Place> old = std::exchange(places_, std::vector<Place>(2 * places_.size()));
    size_ = 1;  // the one that is about to be added
    for (const Place& place : old)
      if (place.node != nullptr) add(place.id, place.node);
  }

  std::vector<Place> places_ = std::vector<Place>(16);  // a power of two, at most half of them taken
  std::size_t size_ = 0;
};

}  // namespace troupe::scheduler
