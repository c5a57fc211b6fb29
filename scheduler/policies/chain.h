// A chain of stages over nodes: what crosses from one node to another is what it costs.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "scheduler/policies/trial.h"

namespace troupe::scheduler {

/// Seats stages so that neighbours share a node where they can and the edges that cross nodes carry as few bytes as the
/// search finds, on nodes that `is_allowed` (by place in the trial).
///
/// The trial is as it was, then.
///
/// Cost: nodes · stages looks, for each different room of a node.
std::optional<Seats> seat_chain(std::span<const Need> stages, Trial& trial, const std::vector<bool>& is_allowed);

}  // namespace troupe::scheduler
