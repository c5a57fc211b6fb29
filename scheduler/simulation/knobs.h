// What one seed's world is like: how large, how slow, and which faults it has.
#pragma once

#include <cstdint>

#include "scheduler/core/scheduler.h"

namespace troupe::scheduler::sim {

struct Knobs {
  std::size_t nodes = 3;
  std::size_t drivers = 2;
  Time shortest_delay{1};
  Time longest_delay{1};
  bool reorders = false;
  int lost_permille = 0;
  int doubled_permille = 0;
  int worker_dies_permille = 0;  ///< Of each attempt.
  std::size_t agent_crashes = 0;
  std::size_t node_silences = 0;
  std::size_t scheduler_crashes = 0;
  std::size_t scheduler_pauses = 0;  ///< It is stopped for a while, and goes on: nobody may be taken for dead.
  Time longest_commit{5};
  Time faults_until{0};

  /// Nothing goes wrong: then nothing may be repeated either.
  bool is_quiet() const {
    return lost_permille == 0 && doubled_permille == 0 && !reorders && worker_dies_permille == 0 &&
           agent_crashes == 0 && node_silences == 0 && scheduler_crashes == 0;
  }
};

/// Each class of faults is there in half of the worlds; one world in ten has none.
Knobs draw_knobs(std::uint64_t seed);

}  // namespace troupe::scheduler::sim
