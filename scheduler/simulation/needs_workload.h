// What nodes have and tasks need besides cpus, and jobs that stand in each other's way.
#pragma once

#include "scheduler/simulation/scenario.h"

namespace troupe::scheduler::sim {

/// In some of the worlds nodes have labels, several gpus, and less memory. Before the workload is drawn.
void draw_node_kinds(Scenario& scenario);

/// Some tasks of such worlds need what some nodes have: memory, labels, parts of gpus or several.
void draw_needs(Scenario& scenario);

/// Functions of some drivers wait for the ends of others, which are submitted when they have started.
void draw_nesting(Scenario& scenario);

/// In some worlds one driver keeps all cpus busy for a while, and another has a task now and then: for it there is room
/// only if it gets its turn, or if some is kept for it.
void draw_contention(Scenario& scenario);

}  // namespace troupe::scheduler::sim
