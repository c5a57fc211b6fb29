// Reads everything that lies in a store, record by record, each one checked.
#pragma once

#include <functional>
#include <string>

#include "scheduler/store/redis_connection.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

/// Reads all jobs and tasks into `state`, sorted by id; then what lies beside them. Calls `between` after each reply.
///
/// Requires: no reply is outstanding on `connection`. `patience` is how long Redis may take for one reply.
/// Cost: everything passes once, in order. Where the numbers of a large graph's tasks leave some out,
/// HKEYS holds Redis up for about 0.5 us a field.
/// Fails with: corrupt (which record and field), unsupported (a newer version wrote it), peer_lost, timed_out, refused.
Result<void> load_graphs(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience,
                         StoredState& state, const std::function<void()>& between = {});

/// Reads the store of a cluster that nobody writes any more, as `troupe list` does. Takes no epoch and changes nothing.
///
/// Fails with: unavailable, not_found (a new, empty store), corrupt, and refused when somebody does write.
Result<StoredState> read_store(const std::string& socket,
                               std::chrono::milliseconds patience = std::chrono::milliseconds(10'000));

/// Reads the store of a cluster while its scheduler writes: each record as it stood at some moment of the reading. Of
/// jobs that are not wanted nothing is read but their names; without `wanted` all are. Summaries are always read.
///
/// Fails with: unavailable, not_found (a new, empty store), corrupt.
Result<StoredState> read_live_store(const std::string& socket, const std::function<bool(const JobInfo&)>& wanted = {},
                                    std::chrono::milliseconds patience = std::chrono::milliseconds(10'000));

}  // namespace troupe::scheduler
