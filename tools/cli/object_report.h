// What the stores of a cluster's nodes on this machine keep, as it is told to programs and to people.
#pragma once

#include <functional>
#include <string>

#include "runtime/base/result.h"
#include "runtime/objects/object_client.h"
#include "scheduler/local/cluster_file.h"

namespace troupe::cli {

/// 32 hexadecimal digits.
std::string id_of(const ObjectSummary& object);
/// `memory` or `disk`
const char* state_of(const ObjectSummary& object);
/// One line.
std::string object_json(const ObjectSummary& object, const std::string& store);

/// Fails with: timed_out.
Result<void> for_each_object(const scheduler::ClusterFile& cluster,
                             const std::function<void(const ObjectSummary& object, const std::string& store)>& take);

}  // namespace troupe::cli
