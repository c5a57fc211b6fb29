// The process that stands for a node: starts workers and commands, and tells the scheduler how they fare. What it does
// with what happens is agent_core's; here are the sockets, the processes and the files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/agent/fork_server.h"
#include "runtime/base/ids.h"
#include "runtime/base/resources.h"
#include "runtime/base/result.h"
#include "runtime/wire/transport.h"

namespace troupe {

struct AgentOptions {
  ClusterId cluster;
  NodeId node;
  std::uint64_t incarnation = 0;
  std::string name;
  NodeCapacity capacity;
  std::string scheduler_address;
  /// Where that leads at present: another scheduler may take over while the one before it holds its connections.
  std::function<std::string()> active_scheduler;
  std::string cluster_file;  ///< Where commands find their cluster; empty: nowhere.
  std::string own_address;
  std::function<std::string(WorkerId)> worker_address;
  /// The command line that starts `program` as a worker.
  std::function<std::vector<std::string>(const std::string& program, WorkerId)> worker_arguments;
  /// The one that starts it as a fork server; none: every worker is started anew.
  ForkServers::Arguments fork_server_arguments;
  std::function<void()> on_welcome;  ///< Called once: the scheduler has taken it in.
  std::string seen_file;             ///< Keeps what was seen of the cluster's store; empty: it is forgotten.
  std::string log_directory;         ///< Takes the output of workers, one file each.
  std::uint64_t object_bytes = 0;    ///< Of memory for objects; 0: 30 % of the node's, 64 MiB at least.
  int stop = -1;                     ///< A descriptor: once it is readable the agent ends in order.
};

/// Works until it is told to stop; everything that it started is then dead. Its commands get a TERM and the time that a
/// cancelled one has, its workers do not.
///
/// Threads: one, which lives as long as its workers should.
Result<void> run_agent(const AgentOptions& options, Transport& transport);

}  // namespace troupe
