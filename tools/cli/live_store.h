// Reads single tasks out of the store of a run that is under way.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/result.h"
#include "scheduler/core/record.h"
#include "scheduler/store/redis_connection.h"

namespace troupe::cli {

class LiveStore {
 public:
  /// Fails with: unavailable.
  static Result<LiveStore> connect(const std::string& socket);

  /// How far these tasks have come. What the scheduler has told of a task is in the store already. A Redis that is
  /// started anew meanwhile is waited for.
  ///
  /// Fails with: not_found (a task that the store does not have), corrupt, peer_lost, timed_out.
  Result<std::vector<scheduler::TaskProgress>> progress_of(std::span<const TaskId> tasks);

 private:
  LiveStore(std::string socket, scheduler::RedisConnection connection)
      : socket_(std::move(socket)), connection_(std::move(connection)) {}
  Result<std::vector<scheduler::TaskProgress>> ask(std::span<const TaskId> tasks, scheduler::Deadline deadline);

  std::string socket_;
  scheduler::RedisConnection connection_;
};

}  // namespace troupe::cli
