// Nodes, and what of them, that a request waits for which has waited long enough: later ones do not pass it there, so
// the room that it needs gathers. On other nodes, and for other kinds of resources, they do.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {

using Kinds = std::uint8_t;  ///< Of resources, as bits.

inline Kinds kinds_of(const Resources& needs) {
  int kinds = 0;
  if (needs.cpus > 0) kinds |= 1;
  if (needs.gpus > 0) kinds |= 2;
  if (needs.memory_bytes > 0) kinds |= 4;
  if (!needs.named.empty()) kinds |= 8;
  return static_cast<Kinds>(kinds);
}

class HeldNodes {
 public:
  bool is_empty() const { return held_.empty(); }
  void hold(NodeId node, Kinds kinds) { held_[node] = static_cast<Kinds>(held_[node] | kinds); }

  std::vector<NodeSpace> without(std::span<const NodeSpace> nodes, Kinds kinds) const {
    std::vector<NodeSpace> left;
    for (const auto& space : nodes) {
      const auto held = held_.find(space.node);
      if (held == held_.end() || (held->second & kinds) == 0) left.push_back(space);
    }
    return left;
  }

 private:
  std::map<NodeId, Kinds> held_;
};

}  // namespace troupe::scheduler
