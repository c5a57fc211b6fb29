// How the tasks of a drawn batch choose, loop, try again, take their turns and hold locks.
#pragma once

#include <vector>

#include "runtime/base/orders.h"
#include "scheduler/simulation/dice.h"
#include "scheduler/simulation/scenario.h"

namespace troupe::scheduler::sim {

/// Gives some tasks of a batch a priority, a time-out, causes and delays of further attempts; gangs of an even size
/// become meshes. Of a durable job also branches, loops and results that may be known.
///
/// Requires: inputs end with results as `result_of` makes them.
void draw_control(Dice& dice, const JobInfo& job, std::vector<TaskSpec>& tasks);

/// Some single tasks run only while they hold a lock, or a permit, that clients want, too.
void draw_locks(Dice& dice, DriverPlan& plan);

/// Between some tasks of a batch and some behind them there is a join.
///
/// Requires: nothing else is drawn for the driver afterwards: a join has a number behind those of all its job's tasks.
void draw_joins(Dice& dice, DriverPlan& plan);

}  // namespace troupe::scheduler::sim
