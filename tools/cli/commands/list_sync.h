// `troupe list locks` and `troupe list queues`: what a cluster's scheduler keeps for those who synchronise.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/cli/commands/list.h"

namespace troupe::cli {

/// Locks and semaphores that somebody holds or waits for. Keys of filters: lock, kind.
int list_locks(const ListCommand& command, const std::vector<Filter>& filters);

/// Keys of filters: queue.
int list_queues(const ListCommand& command, const std::vector<Filter>& filters);

}  // namespace troupe::cli
