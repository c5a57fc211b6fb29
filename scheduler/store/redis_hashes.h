// Reads what lies in a store beside its graphs: queues, cached results, and which nodes take no new work.
#pragma once

#include <string>

#include "scheduler/store/redis_connection.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

/// Reads them into `state`, sorted by name, key and id. Requires, cost, fails with: as load_graphs().
Result<void> load_hashes(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience,
                         StoredState& state);

/// Whether what load_hashes() read is all that was written, and no more: see tally.h.
///
/// Fails with: corrupt, and as load_hashes().
Result<void> check_tally(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience,
                         const StoredState& state);

}  // namespace troupe::scheduler
