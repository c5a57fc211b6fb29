#include "scheduler/store/record_fields.h"

namespace troupe::scheduler {

template <class Archive>
void fields(Archive& archive, TaskProgress& value) {
  archive("task progress", value.state, value.attempts, value.failed_attempts, as_bytes(value.result),
          as_bytes(value.reason), appended(value.branch), appended(value.cached), appended(value.iteration),
          appended(value.retry_at_ms));
}

template <class Archive>
void fields(Archive& archive, TaskRecord& value) {
  archive("task record", value.spec, value.progress);
}

template <class Archive>
void fields(Archive& archive, GraphSummary& value) {
  archive("graph summary", value.job, value.tasks, value.started_ms, value.ended_ms);
}

template <class Archive>
void fields(Archive& archive, CachedResult& value) {
  archive("cached result", as_bytes(value.key), as_bytes(value.result), value.saved_ms);
}

template <class Archive>
void fields(Archive& archive, StoredMessage& value) {
  archive("message", as_bytes(value.body), value.deliveries, value.is_dead, value.sender, value.request);
}

template <class Archive>
void fields(Archive& archive, StoredQueue& value) {
  archive("stored queue", value.options, value.messages);
}

template <class Archive>
void fields(Archive& archive, StoredState& value) {
  archive("stored state", value.cluster, value.epoch, value.commit_seq, value.jobs, value.tasks, value.summaries,
          value.queues, value.cached, value.drained);
}

#define TROUPE_COMPILE_FIELDS(Type)                  \
  template void fields(FieldWriter& archive, Type&); \
  template void fields(FieldReader& archive, Type&);
TROUPE_COMPILE_FIELDS(TaskProgress)
TROUPE_COMPILE_FIELDS(GraphSummary)
TROUPE_COMPILE_FIELDS(CachedResult)
TROUPE_COMPILE_FIELDS(StoredMessage)
TROUPE_COMPILE_FIELDS(StoredState)
#undef TROUPE_COMPILE_FIELDS

}  // namespace troupe::scheduler
