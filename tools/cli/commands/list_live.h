// `troupe list actors` and `troupe list jobs`: what a cluster's scheduler knows at present.
#pragma once

#include <vector>

#include "tools/cli/commands/list.h"

namespace troupe::cli {

/// Those of drivers, and detached ones. Keys of filters: actor, class, state, node, job.
int list_actors(const ListCommand& command, const std::vector<Filter>& filters);

/// Of drivers that are there, and graphs. Keys of filters: job, kind, state.
int list_jobs(const ListCommand& command, const std::vector<Filter>& filters);

}  // namespace troupe::cli
