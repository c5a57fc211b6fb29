// Prints the trace of some worlds as numbers: built with other options, it says the same.
#include <cinttypes>
#include <cstdio>

#include "scheduler/simulation/simulation.h"

int main() {
  using namespace troupe::scheduler::sim;
  for (std::uint64_t seed = 1; seed <= 40; ++seed)
    std::printf("%" PRIu64 " %016" PRIx64 "\n", seed, simulate(draw_scenario(seed)).hash);
}
