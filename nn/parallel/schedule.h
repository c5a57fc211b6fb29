// The order in which each stage of a pipeline works on its slots, as data: it can be printed, compared, stored, and is
// proved to end before anything runs.
//
// A stage receives its input, computes, and sends the result on, one action after the other: F3 is the forward pass of
// slot 3, B3 its backward pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace troupe::nn {

enum class Pass : std::uint8_t { forward, backward };

struct Action {
  Pass pass = Pass::forward;
  std::uint32_t slot = 0;  ///< Counted from 0 within the replica.
  friend bool operator==(const Action&, const Action&) = default;
};

struct PipelineSchedule {
  std::string name;  ///< `gpipe`
  std::uint32_t slots = 0;
  std::vector<std::vector<Action>> stages;  ///< The actions of each stage, in order.
  friend bool operator==(const PipelineSchedule&, const PipelineSchedule&) = default;
};

/// What the run gives a schedule.
struct ScheduleLimits {
  /// Messages that a channel (one a border and direction, first in first out) holds before its sender must wait; with 0
  /// a send ends together with its receive.
  std::uint32_t channel_capacity = 0;
  /// Slots of which a stage may keep activations: forward done, backward not.
  std::uint32_t live_slots = std::numeric_limits<std::uint32_t>::max();
};

/// F0 … F(m-1), then B0 … B(m-1) on every stage. Keeps all m slots live.
PipelineSchedule gpipe(std::size_t stages, std::size_t slots);

/// Proves that a run of the schedule ends and is a training step: every slot passes every stage once forward and then
/// once backward, receives come in the order of sends, live slots stay in the bound, and the waits (program order, send
/// before receive, receive of message k before send of k + capacity) have no cycle.
///
/// Fails with: bad_input, naming stage and action.
Result<void> check(const PipelineSchedule& schedule, const ScheduleLimits& limits);

std::string describe(const Action& action);              ///< `F3`
std::string describe(const PipelineSchedule& schedule);  ///< One line a stage: `s0 F0 F1 B0 B1`

}  // namespace troupe::nn
