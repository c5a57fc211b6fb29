// Attempts of a task that were lost one after another: its own doing, if they are many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/base/task_spec.h"
#include "scheduler/core/event.h"

namespace troupe::scheduler {

/// Whether the attempt at `place` ran for `long_run`. How long one ran whose end another scheduler saw is not known:
/// the machine may have been away. `epoch`: of the scheduler that asks.
inline bool was_long_run(const std::vector<AttemptRecord>& attempts, std::size_t place, std::uint32_t epoch,
                         Time long_run) {
  const AttemptRecord& attempt = attempts[place];
  const std::uint32_t seen_by = place + 1 < attempts.size() ? attempts[place + 1].id.epoch : epoch;
  return seen_by == attempt.id.epoch && attempt.ended_ms - attempt.started_ms >= long_run.count();
}

/// Their nodes, the last first: losses since an attempt ended otherwise, or ran for long before it was lost. Those that
/// were stopped with their gang, or to make room, or whose node left in order, say nothing.
inline std::vector<NodeId> losses_in_a_row(const std::vector<AttemptRecord>& attempts, std::uint32_t epoch,
                                           Time long_run) {
  std::vector<NodeId> nodes;
  for (std::size_t i = attempts.size(); i-- > 0;) {
    const AttemptRecord& each = attempts[i];
    if (each.end == AttemptEnd::cancelled || each.end == AttemptEnd::preempted) continue;
    if (each.end != AttemptEnd::lost || was_long_run(attempts, i, epoch, long_run)) break;
    nodes.push_back(each.node);
  }
  return nodes;
}

}  // namespace troupe::scheduler
