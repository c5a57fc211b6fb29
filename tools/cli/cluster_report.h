// A cluster's nodes as they are told to programs and to people.
#pragma once

#include <string>

#include "runtime/base/result.h"
#include "runtime/wire/messages.h"
#include "scheduler/local/cluster_file.h"
#include "tools/cli/output.h"

namespace troupe::cli {

/// Asks the scheduler. Fails with: timed_out.
Result<message::ClusterStatus> status_of(const scheduler::ClusterFile& cluster, bool with_queue = false);

/// `up` or `lost`
std::string state_of(const message::NodeSummary& node);

Table node_table();
void add_node(Table& table, const message::NodeSummary& node);

/// What is ready and waits, by what it needs.
Table queue_table(const message::ClusterStatus& status);

/// One line each.
std::string node_json(const message::NodeSummary& node);
std::string status_json(const scheduler::ClusterFile& cluster, const message::ClusterStatus& status);

}  // namespace troupe::cli
