// A cluster's nodes as they are told to programs and to people.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "runtime/base/result.h"
#include "runtime/wire/messages.h"
#include "scheduler/local/cluster_file.h"
#include "tools/cli/output.h"

namespace troupe::cli {

/// Asks the scheduler. Fails with: timed_out.
Result<message::ClusterStatus> status_of(const scheduler::ClusterFile& cluster);

/// The one that `text` names, by its name or its id.
///
/// Fails with: not_found, bad_input (two are called so).
Result<const message::NodeSummary*> find_node(const std::vector<message::NodeSummary>& nodes, const std::string& text);

/// `up` or `lost`
std::string state_of(const message::NodeSummary& node);

Table node_table();
void add_node(Table& table, const message::NodeSummary& node);

/// What is ready and waits, by what it needs.
Table queue_table(const message::ClusterStatus& status);

/// Of a lock or semaphore.
nlohmann::ordered_json holder_object(const message::ClaimSummary& claim);

/// One line each.
std::string node_json(const message::NodeSummary& node);
/// `jobs`: those with work.
std::string status_json(const scheduler::ClusterFile& cluster, const message::ClusterStatus& status,
                        const std::vector<message::JobSummary>& jobs);

}  // namespace troupe::cli
