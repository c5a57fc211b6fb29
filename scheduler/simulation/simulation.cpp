#include "scheduler/simulation/simulation.h"

#include "scheduler/simulation/world.h"

namespace troupe::scheduler::sim {

Outcome simulate(const Scenario& scenario, bool is_printing) {
  World world(scenario, is_printing);
  world.run();
  return {.broken = world.witness.broken(),
          .at = world.timeline.now(),
          .hash = world.trace.hash(),
          .counts = world.witness.counts};
}

}  // namespace troupe::scheduler::sim
