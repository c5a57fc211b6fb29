// A cluster that stands until it is stopped, on one machine: a head with the store, a scheduler and an agent, and what
// joined it, each under a supervisor of its own. What is durable outlives a stop: it goes on at the next start.
//
//   FOLDER/  cluster.json · store/ · graphs/ID/ · members/NAME/
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/api/session.h"
#include "runtime/base/resources.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/local/cluster_file.h"
#include "scheduler/local/supervisor_start.h"

namespace troupe::scheduler {

struct StartOptions {
  std::string node;  ///< Its name; of a stand-by its own.
  NodeCapacity capacity;
  bool outlives_starter = true;
  std::int64_t object_bytes = 0;                   ///< Of memory for its objects; 0: 30 % of the node's.
  std::string record;                              ///< A file for its scheduler's event log; empty: none.
  std::size_t most_restarts = 5;                   ///< Of its processes, together, in a minute; then it gives up.
  std::size_t most_tasks = Settings{}.most_tasks;  ///< That its scheduler takes, while it is the active one.
};

/// One that is up. The supervisor's line is closed when it outlives its starter.
struct Standing {
  ClusterFile file;
  StartedSupervisor supervisor;
};

/// Starts the cluster of a folder, anew or where it stopped.
///
/// Requires: main began with play_role. Fails with: unavailable (one sentence that says what to do), bad_input.
Result<Standing> start_cluster(const std::string& folder, const StartOptions& options);

/// Starts one more agent of a cluster that runs on this machine.
Result<Standing> join_cluster(const ClusterFile& file, const StartOptions& options);

/// Starts a scheduler that waits to take over in a cluster that runs on this machine.
Result<Standing> start_standby(const ClusterFile& file, const StartOptions& options);

/// Ends all of a cluster that runs on this machine, in order.
///
/// Fails with: not_found (nothing runs), timed_out.
Result<void> stop_cluster(const std::string& folder);

bool is_up(const std::string& folder);

/// Connects a driver; inside a task, on behalf of its attempt, and with the `objects` of its process; otherwise it puts
/// them into the store of any node on this machine.
///
/// Fails with: timed_out (no scheduler answers within `limit`).
Result<Session> connect(const ClusterFile& file, const std::optional<std::pair<TaskId, AttemptId>>& attempt = {},
                        std::shared_ptr<ObjectClient> objects = nullptr,
                        std::chrono::milliseconds limit = std::chrono::milliseconds(10'000));

}  // namespace troupe::scheduler
