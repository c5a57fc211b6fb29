// What may be said about a task or an actor besides what it runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "runtime/base/resources.h"
#include "runtime/base/task_spec.h"

namespace troupe {

struct TaskOptions {
  Resources needs{};
  std::int32_t max_attempts = 1;         ///< Attempts that fail by their own doing; lost ones are not counted.
  std::chrono::milliseconds timeout{0};  ///< Of one attempt; 0: none.
  std::string name;                      ///< For people; empty: the function's.
};

struct ActorOptions {
  Resources needs{.cpus = 0};
  std::int32_t max_restarts = 0;
  std::string name;
};

/// Actors that are placed all together or not at all.
struct GangOptions {
  std::uint32_t size = 1;
  GangPolicy policy = GangPolicy::data;
  ActorOptions each{};
};

}  // namespace troupe
