// `troupe get ID` of a node, or of an object in a node's store.
#pragma once

#include <optional>
#include <string>

#include "runtime/base/result.h"
#include "tools/cli/live_work.h"

namespace troupe::cli {

/// Of a node, by its name or its id. False: there is none.
///
/// Fails with: bad_input (two are called so), and what asking the scheduler fails with.
Result<bool> print_node(LiveWork& live, const std::string& id, bool json);

/// Of an object, by its id, once for each store that has it. False: none has.
Result<bool> print_object(const scheduler::ClusterFile& cluster, const std::string& id, bool json);

}  // namespace troupe::cli
