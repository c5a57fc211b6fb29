// Where work goes: a pure function from a request and the free room of the nodes to a placement. A request is one task,
// or a gang that is placed all together or not at all; a policy only chooses nodes, the grants are taken by who asked,
// in the same step, so nothing is ever half reserved.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/resources.h"

namespace troupe::scheduler {

/// One member of a request; a gang's come in order of rank.
struct Need {
  const Resources* resources = nullptr;
  std::int64_t bytes_to_next = 0;  ///< On the edge to the next member, per step.
};

/// A node that takes work, and its books. Policies get them in order of id.
struct NodeSpace {
  NodeId node;
  const NodeLedger* ledger = nullptr;
};

/// The node of each member, in the members' order. All of them fit together.
struct Placed {
  std::vector<NodeId> nodes;
};
/// It fits when what runs now has ended.
struct NotNow {
  std::string_view why;  ///< A literal.
};
/// It does not fit even when nothing else runs.
struct Never {
  std::string why;
};
using Placement = std::variant<Placed, NotNow, Never>;

using PlacementPolicy = Placement (*)(std::span<const Need> members, std::span<const NodeSpace> nodes);

/// A single task: best fit, so that large room stays whole; cpu work keeps off nodes with gpus while it can.
///
/// Requires: one member.
/// Cost: one look at each node.
Placement place_task(std::span<const Need> members, std::span<const NodeSpace> nodes);

/// Equal replicas: on one node if they all fit there, otherwise spread as evenly as the nodes allow.
Placement place_data_parallel(std::span<const Need> members, std::span<const NodeSpace> nodes);

/// A chain of stages with unequal needs: neighbours share a node where they can, and the edges that cross nodes carry
/// as few bytes as the search finds.
///
/// Cost: nodes² · members looks.
Placement place_model_parallel(std::span<const Need> members, std::span<const NodeSpace> nodes);

}  // namespace troupe::scheduler
