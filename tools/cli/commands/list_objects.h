// `troupe list objects`: what the stores of the cluster's nodes on this machine keep.
#pragma once

#include <vector>

#include "tools/cli/commands/list.h"

namespace troupe::cli {

/// Keys of filters: object, state.
int list_objects(const ListCommand& command, const std::vector<Filter>& filters);

}  // namespace troupe::cli
