#include "scheduler/simulation/knobs.h"

#include "scheduler/simulation/dice.h"

namespace troupe::scheduler::sim {

Knobs draw_knobs(std::uint64_t seed) {
  Dice dice(seed, "knobs");
  Knobs knobs{.nodes = dice.between<std::size_t>(1, 5), .drivers = dice.between<std::size_t>(1, 3)};
  knobs.longest_commit = Time{dice.between(1, 20)};
  knobs.longest_delay = Time{dice.between(1, 5)};
  if (dice.chance(300)) knobs.scheduler_pauses = dice.between<std::size_t>(1, 3);
  if (dice.chance(100)) return knobs;

  knobs.faults_until = Time{dice.between(500, 4000)};
  if (dice.chance(500)) {
    knobs.longest_delay = Time{dice.between(5, 120)};
    knobs.reorders = true;
  }
  if (dice.chance(500)) knobs.lost_permille = dice.between(1, 300);
  if (dice.chance(500)) knobs.doubled_permille = dice.between(1, 500);
  if (dice.chance(500)) knobs.worker_dies_permille = dice.between(1, 200);
  if (dice.chance(500)) knobs.agent_crashes = dice.between<std::size_t>(1, 6);
  if (dice.chance(500)) knobs.node_silences = dice.between<std::size_t>(1, 6);
  if (dice.chance(500)) knobs.scheduler_crashes = dice.between<std::size_t>(1, 4);
  return knobs;
}

}  // namespace troupe::scheduler::sim
