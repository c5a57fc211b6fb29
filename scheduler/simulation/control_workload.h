// How the tasks of a drawn batch choose, loop, try again and take their turns.
#pragma once

#include <vector>

#include "runtime/base/orders.h"
#include "scheduler/simulation/dice.h"

namespace troupe::scheduler::sim {

/// Gives some tasks of a batch a priority, a time-out, causes and delays of further attempts; gangs of an even size
/// become meshes. Of a durable job also branches, loops and results that may be known.
///
/// Requires: inputs end with results as `result_of` makes them.
void draw_control(Dice& dice, const JobInfo& job, std::vector<TaskSpec>& tasks);

}  // namespace troupe::scheduler::sim
