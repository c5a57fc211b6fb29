// A graph in messages that a frame can carry.
#pragma once

#include <vector>

#include "runtime/base/result.h"
#include "runtime/base/task_spec.h"

namespace troupe {

/// Whether these tasks can be handed over at once.
///
/// Fails with: bad_input (which task, or how many, are too large).
Result<void> check_size(const std::vector<TaskSpec>& tasks);

/// One, but for a very large graph, whose tasks then come after those before them; a gang stays together.
std::vector<std::vector<TaskSpec>> in_messages(std::vector<TaskSpec> tasks);

}  // namespace troupe
