// `troupe get ID` of a task or an actor.
#pragma once

#include <string>
#include <vector>

#include "scheduler/core/record.h"
#include "tools/cli/task_report.h"

namespace troupe::cli {

/// A line of `get`, unless the value is empty.
void print_row(const char* name, const std::string& value);

/// `tasks`: all of its graph, or of a driver's those that it comes after. `told`: what the scheduler says of it;
/// nullptr: it was not asked.
void print_task(const TaskOwner& owner, const scheduler::TaskRecord& task,
                const std::vector<scheduler::TaskRecord>& tasks, const message::TaskTold* told);

}  // namespace troupe::cli
