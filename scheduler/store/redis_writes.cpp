#include "scheduler/store/redis_writes.h"

#include "scheduler/store/redis_layout.h"

namespace troupe::scheduler {

JobId job_of(const Write& write) {
  if (const auto* job = std::get_if<SaveJob>(&write)) return job->job.id;
  if (const auto* task = std::get_if<SaveTask>(&write)) return task->spec->id.job;
  if (const auto* progress = std::get_if<SaveProgress>(&write)) return progress->task.job;
  if (const auto* summary = std::get_if<SaveSummary>(&write)) return summary->summary.job.id;
  if (const auto* dropped = std::get_if<DropSummary>(&write)) return dropped->job;
  return {};
}

std::string key_of(const Write& write) {
  if (const JobId job = job_of(write)) return graph_key(job);
  if (const auto* message = std::get_if<SaveMessage>(&write)) return queue_key(message->queue);
  if (std::holds_alternative<SaveQueue>(write)) return std::string(queues_key);
  return std::string(std::holds_alternative<SaveDrain>(write) ? drained_key : cache_key);
}

bool are_of_one_hash(const Write& a, const Write& b) {
  const JobId job = job_of(a);
  return job == job_of(b) && (job || key_of(a) == key_of(b));
}

bool removes(const Write& write) {
  if (const auto* queue = std::get_if<SaveQueue>(&write)) return !queue->options;
  if (const auto* message = std::get_if<SaveMessage>(&write)) return !message->message;
  const auto* drain = std::get_if<SaveDrain>(&write);
  return std::holds_alternative<DropCached>(write) || (drain != nullptr && !drain->drains);
}

bool is_end_of_job(const Write& write) {
  return std::holds_alternative<SaveSummary>(write) || std::holds_alternative<DropSummary>(write);
}

std::string field_of(const Write& write) {
  if (const auto* task = std::get_if<SaveTask>(&write)) return spec_field(task->spec->id.number);
  if (const auto* progress = std::get_if<SaveProgress>(&write)) return progress_field(progress->task.number);
  if (const auto* queue = std::get_if<SaveQueue>(&write)) return queue->queue;
  if (const auto* message = std::get_if<SaveMessage>(&write)) return std::to_string(message->number);
  if (const auto* saved = std::get_if<SaveCached>(&write)) return cache_field(saved->cached.key);
  if (const auto* dropped = std::get_if<DropCached>(&write)) return cache_field(dropped->key);
  if (const auto* drain = std::get_if<SaveDrain>(&write)) return to_text(drain->node);
  return std::string(job_field);
}

std::string record_of(RecordPlace place, const Write& write) {
  if (const auto* job = std::get_if<SaveJob>(&write)) return encode_record(place, job->job);
  if (const auto* task = std::get_if<SaveTask>(&write)) return encode_record(place, *task->spec);
  if (const auto* queue = std::get_if<SaveQueue>(&write)) return encode_record(place, *queue->options);
  if (const auto* message = std::get_if<SaveMessage>(&write)) return encode_record(place, *message->message);
  if (const auto* saved = std::get_if<SaveCached>(&write)) return encode_record(place, saved->cached);
  if (const auto* drain = std::get_if<SaveDrain>(&write)) return encode_record(place, drain->node);
  return encode_record(place, std::get<SaveProgress>(write).progress);
}

}  // namespace troupe::scheduler
