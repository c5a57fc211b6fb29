// Where the processes of a cluster meet on one machine: a folder of sockets that only its user may enter.
//
// Each scheduler listens at a socket of its own, named by its epoch; `scheduler.sock` is a link to that of the active
// one. So whoever connects anew reaches the active one, and whoever is connected to one that was stopped sees by the
// link that another has taken over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/result.h"

namespace troupe::scheduler {

/// Makes the folder, in $XDG_RUNTIME_DIR, $TMPDIR or /tmp; one that is there already is taken as it is.
///
/// Fails with: unavailable.
Result<std::string> make_directory(ClusterId cluster);

std::string scheduler_address(const std::string& directory);  ///< Leads to the active scheduler.
std::string scheduler_address(const std::string& directory, std::uint32_t epoch);
std::string redis_socket(const std::string& directory);
/// The sockets of the nodes' stores of objects, in order; not those that were left by a node which was killed.
std::vector<std::string> object_store_sockets(const std::string& directory);
/// One of them; empty: there is none.
std::string object_store_socket(const std::string& directory);
std::string worker_address(const std::string& directory, const std::string& worker);
/// Of actors whose state survives a restart: beside the sockets of the node's workers.
std::string state_folder(const std::string& worker_address);
/// Of detached ones: it leads to where `keep_detached` says, if it was said, else it is as the others'.
std::string detached_state_folder(const std::string& worker_address);
/// In `folder`, which outlives the processes of the cluster. Fails with: unavailable.
Result<void> keep_detached(const std::string& directory, const std::string& folder);

/// Leads everybody to the scheduler of `epoch`, unless they are led to a later one already.
void announce_scheduler(const std::string& directory, std::uint32_t epoch);
/// Names the scheduler to which `scheduler_address` leads; empty while there is none.
std::string active_scheduler(const std::string& directory);

/// Removes a cluster's folder and shared memory.
void remove_traces(const std::string& directory, std::uint64_t cluster);

}  // namespace troupe::scheduler
