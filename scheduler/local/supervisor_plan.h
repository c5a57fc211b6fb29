// What a supervisor starts, and how, as a value; it travels as the arguments of its role.
#pragma once

#include <cstddef>
#include <string>

#include "runtime/base/ids.h"
#include "runtime/base/resources.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/local/role_arguments.h"

namespace troupe::scheduler {

struct SupervisorPlan {
  ClusterId cluster;
  std::string directory;  ///< Of the cluster's sockets.
  std::string member;     ///< Its own folder, which it locks; empty: a cluster that lives as long as its driver.
  bool outlives_starter = false;

  bool has_store = false;
  bool has_scheduler = false;
  bool has_agent = false;
  std::string store;  ///< Folder of the store.
  std::string logs;   ///< Folder of the workers' output.
  std::string name;   ///< Of the node.
  std::string agent;  ///< Path of the agent's socket.
  NodeCapacity capacity;
  std::int64_t object_bytes = 0;                   ///< Of memory for objects; 0: 30 % of the node's.
  std::string record;                              ///< Its scheduler records itself there; empty: nowhere.
  std::size_t most_restarts = 5;                   ///< Of its children, together, in a minute.
  std::size_t most_tasks = Settings{}.most_tasks;  ///< Of its scheduler.
};

RoleArguments role_of(const SupervisorPlan& plan);
/// Requires: `role_of` made them.
SupervisorPlan supervisor_plan_from(const RoleArguments& arguments);

}  // namespace troupe::scheduler
