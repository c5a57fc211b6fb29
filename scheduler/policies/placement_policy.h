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

#include "runtime/base/task_spec.h"
#include "scheduler/policies/rooms.h"

namespace troupe::scheduler {

/// One member of a request; a gang's come in order of rank.
struct Need {
  const Resources* resources = nullptr;
  std::int64_t bytes_to_next = 0;  ///< On the edge to the next stage, per step.
};

struct Request {
  std::span<const Need> members;
  std::uint32_t stages = 1;      ///< mesh: members of each pipeline.
  bool spreads = false;          ///< task: to the node with the most room.
  std::span<const NodeId> near;  ///< task: nodes that hold much of its input, the best first.
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

/// `if_empty`: the same nodes with nothing running on them, by which not now is told from never; nullptr: do not ask,
/// it is not now.
using PlacementPolicy = Placement (*)(const Request& request, const Rooms& rooms, const Rooms* if_empty);

/// A single task: near its inputs, or else best fit, so that large room stays whole and cpu work keeps off nodes with
/// gpus while it can; a task that spreads goes where most room is.
///
/// Requires: one member.
Placement place_task(const Request& request, const Rooms& rooms, const Rooms* if_empty);

/// Equal replicas: on one node if they all fit there, otherwise spread as evenly as the nodes allow.
Placement place_data_parallel(const Request& request, const Rooms& rooms, const Rooms* if_empty);

/// A chain of stages with unequal needs: neighbours share a node where they can, and the edges that cross nodes carry
/// as few bytes as the search finds.
///
/// Cost: candidates² · members looks.
Placement place_model_parallel(const Request& request, const Rooms& rooms, const Rooms* if_empty);

/// Data × model: the stages of each pipeline near each other, as a chain; the pipelines on different nodes where that
/// costs no pipeline its place.
///
/// Requires: the number of members is a multiple of `stages`.
/// Cost: pipelines · candidates² · stages looks.
Placement place_mesh(const Request& request, const Rooms& rooms, const Rooms* if_empty);

}  // namespace troupe::scheduler
