// What nodes have told of actors' calls, for whoever looks from outside. It decides nothing, and a scheduler that is
// started anew hears it again.
#pragma once

#include <map>
#include <vector>

#include "runtime/wire/messages.h"

namespace troupe::scheduler {

class CallsSeen {
 public:
  /// All that a node tells in a heartbeat, in place of what it told before.
  void heard(NodeId node, const std::vector<message::ActorCalls>& calls) {
    if (calls.empty()) {
      nodes_.erase(node);
      return;
    }
    auto& its = nodes_[node];
    its.clear();
    for (const auto& each : calls) its[each.actor] = each.counts;
  }
  void left(NodeId node) { nodes_.erase(node); }

  /// Of an actor that runs.
  void add_to(message::TaskSummary& summary) const {
    if (summary.kind != message::WorkKind::actor || !summary.is_up) return;
    const auto node = nodes_.find(summary.node);
    if (node == nodes_.end()) return;
    if (const auto counts = node->second.find(summary.task); counts != node->second.end())
      summary.calls = counts->second;
  }

 private:
  std::map<NodeId, std::map<TaskId, message::CallCounts>> nodes_;
};

}  // namespace troupe::scheduler
