// Makes the scenario of a failure small: takes out of it what the failure does not need.
#pragma once

#include <cstddef>
#include <string>

#include "scheduler/simulation/scenario.h"

namespace troupe::scheduler::sim {

struct Shrunk {
  Scenario scenario;
  std::string broken;    ///< In the same way.
  std::size_t runs = 0;  ///< Of the simulator.
};

/// Takes out time at the end, then faults, submits, tasks, cancels, weather, as long as it breaks in the same way.
///
/// Requires: `scenario` breaks one. Cost: at most `most_runs` runs of the simulator, and a few.
Shrunk shrink(const Scenario& scenario, std::size_t most_runs = 2000);

/// What happens from outside in it: faults, submits, cancels, deaths of drivers.
std::size_t external_events(const Scenario& scenario);

}  // namespace troupe::scheduler::sim
