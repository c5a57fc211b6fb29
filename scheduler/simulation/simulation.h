// The simulator's door: a scenario goes in, what came of it comes out.
#pragma once

#include <cstdint>
#include <string>

#include "scheduler/simulation/scenario.h"
#include "scheduler/simulation/witness.h"

namespace troupe::scheduler::sim {

struct Outcome {
  std::string broken;  ///< The invariant, by its number, with what breaks it; empty: all held.
  Time at{};
  std::uint64_t hash = 0;
  Counts counts;
};

/// Prints what happens when `is_printing`.
Outcome simulate(const Scenario& scenario, bool is_printing = false);

}  // namespace troupe::scheduler::sim
