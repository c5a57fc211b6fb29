// What the drivers of a scenario ask for, while it runs.
#pragma once

#include "scheduler/simulation/scenario.h"

namespace troupe::scheduler::sim {

/// Draws the drivers of a scenario that has its nodes and times: at least `fewest` tasks, seldom near `most`.
///
/// Jobs are numbered from 1, a driver's own before its graph; the tasks of a job from 1.
void draw_workload(Scenario& scenario, std::size_t fewest, std::size_t most);

}  // namespace troupe::scheduler::sim
