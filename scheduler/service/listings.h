// What a scheduler answers to those who only look. Pure.
#pragma once

#include "runtime/base/store_age.h"
#include "runtime/wire/messages.h"
#include "scheduler/core/scheduler.h"

namespace troupe::scheduler {

message::TaskList task_list(const Scheduler& core, const message::AskTasks& ask);
message::TaskTold task_told(const Scheduler& core, const message::AskTask& ask);
message::JobList job_list(const Scheduler& core, const message::AskJobs& ask);
/// ActorUp, or TaskEnded; nothing while it is on its way.
std::optional<message::Message> actor_status(const Scheduler& core, TaskId actor);
/// `age`: what of the store is on disk.
message::ClusterStatus cluster_status(const Scheduler& core, const message::AskStatus& ask, const StoreAge& age);
message::SyncStatus sync_status(const Scheduler& core, const message::AskSync& ask);

}  // namespace troupe::scheduler
