// What one write of a batch is in Redis: a field of a hash and what stands in it, or its removal.
#pragma once

#include <string>

#include "scheduler/store/record_codec.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

/// None: it is of no graph.
JobId job_of(const Write& write);
bool are_of_one_hash(const Write& a, const Write& b);
/// Does away with all that there was of the job.
bool is_end_of_job(const Write& write);
/// Takes a field away instead of writing it.
bool removes(const Write& write);

// The others are of writes that do not end a job.

std::string key_of(const Write& write);
std::string field_of(const Write& write);
/// Requires: it does not remove.
std::string record_of(RecordPlace place, const Write& write);

}  // namespace troupe::scheduler
