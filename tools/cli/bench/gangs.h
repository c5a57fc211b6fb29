// Gangs that are placed and given up again, through all processes.
#pragma once

#include "tools/cli/bench/bench.h"

namespace troupe::cli {

inline constexpr const char* gangs_measurement = "placement_group_create_removal";

void bench_gangs(Bench& bench);

}  // namespace troupe::cli
