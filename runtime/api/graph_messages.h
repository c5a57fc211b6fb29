// A graph in messages that a frame can carry.
#pragma once

#include <vector>

#include "runtime/base/task_spec.h"

namespace troupe {

/// One, but for a very large graph, whose tasks then come after those before them. Requires: no cycle.
std::vector<std::vector<TaskSpec>> in_messages(std::vector<TaskSpec> tasks);

}  // namespace troupe
