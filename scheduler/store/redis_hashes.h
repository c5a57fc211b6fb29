// Reads what lies in a store beside its graphs: cached results, and which nodes take no new work.
#pragma once

#include <string>

#include "scheduler/store/redis_connection.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

/// Reads both into `state`, sorted by key and id. Requires, cost, fails with: as load_graphs().
Result<void> load_hashes(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience,
                         StoredState& state);

}  // namespace troupe::scheduler
