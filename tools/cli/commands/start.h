// `troupe start` and `troupe stop`: a cluster that stands until it is stopped.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "scheduler/core/scheduler.h"

namespace troupe::cli {

struct StartCommand {
  std::string name;      ///< Of the cluster; of the node when it joins. Empty: `default`; the host's, with a number.
  std::string join;      ///< A cluster file: only an agent is started.
  bool standby = false;  ///< Only a scheduler is started, which waits to take over.
  std::string standby_cluster;  ///< Of it, as in --cluster.
  std::string cpus;             ///< Of the node, as they were written; empty: what the machine has.
  std::string gpus;
  std::string memory;
  std::string object_memory;
  std::vector<std::string> resources;  ///< `NAME=N`
  std::vector<std::string> labels;     ///< `KEY=VALUE`
  std::string record;                  ///< A file for the event log of its scheduler.
  bool foreground = false;             ///< Ends with this process.
  std::size_t most_restarts = 5;
  std::size_t most_tasks = scheduler::Settings{}.most_tasks;
  bool json = false;
};
int start_command(const StartCommand& command);

struct StopCommand {
  std::string cluster;
  bool all = false;  ///< Every cluster that was started here.
  bool json = false;
};
int stop_command(const StopCommand& command);

}  // namespace troupe::cli
