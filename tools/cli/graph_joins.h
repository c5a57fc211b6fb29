// Which groups of tasks are waited for through a join: a task without work after all of the group, so that many after
// many are as many edges as there are tasks, and not their product.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/cli/graph_file.h"

namespace troupe::cli {

/// For each entry, whether what comes after all of its tasks comes after their join: where the edges between them would
/// be more than a thousand, and more than with a join.
std::vector<bool> joined_entries(const std::vector<GraphEntry>& entries);

/// `train[*]`, which no task of a file is called.
std::string join_name(const GraphEntry& entry);

/// How many edges lead to each task of the entry.
std::uint64_t edges_to_each(const GraphEntry& entry, const std::vector<GraphEntry>& entries,
                            const std::vector<bool>& joined);

}  // namespace troupe::cli
