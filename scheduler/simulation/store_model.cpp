#include "scheduler/simulation/store_model.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler::sim {

void StoreContents::apply(const Write& write) {
  if (const auto* job = std::get_if<SaveJob>(&write)) jobs[job->job.id] = job->job;
  if (const auto* task = std::get_if<SaveTask>(&write)) tasks[task->spec->id].spec = *task->spec;
  if (const auto* progress = std::get_if<SaveProgress>(&write)) tasks[progress->task].progress = progress->progress;
  if (const auto* summary = std::get_if<SaveSummary>(&write)) {
    const JobId job = summary->summary.job.id;
    jobs.erase(job);
    std::erase_if(tasks, [job](const auto& each) { return each.first.job == job; });
    summaries[job] = summary->summary;
  }
  if (const auto* dropped = std::get_if<DropSummary>(&write)) summaries.erase(dropped->job);
  if (const auto* queue = std::get_if<SaveQueue>(&write)) scheduler::apply(*queue, queues);
  if (const auto* message = std::get_if<SaveMessage>(&write)) scheduler::apply(*message, queues);
  if (const auto* saved = std::get_if<SaveCached>(&write)) cached[saved->cached.key] = saved->cached;
  if (const auto* unused = std::get_if<DropCached>(&write)) cached.erase(unused->key);
  if (const auto* drain = std::get_if<SaveDrain>(&write)) {
    drained.erase(drain->node);
    if (drain->drains) drained.insert(drain->node);
  }
}

StoredState StoreContents::loaded() const {
  StoredState state{.cluster = age.cluster, .epoch = age.epoch, .commit_seq = age.commit_seq};
  state.tasks.reserve(tasks.size());
  for (const auto& [id, job] : jobs) state.jobs.push_back(job);
  for (const auto& [id, record] : tasks) state.tasks.push_back(record);
  for (const auto& [id, summary] : summaries) state.summaries.push_back(summary);
  state.queues = queues;
  for (const auto& [key, result] : cached) state.cached.push_back(result);
  state.drained.assign(drained.begin(), drained.end());
  return state;
}

bool StoreContents::matches(const StoredState& loaded) const {
  const auto is_value = [](const auto& entry, const auto& value) { return entry.second == value; };
  const auto are_values = [&](const auto& map, const auto& values) {
    return std::equal(map.begin(), map.end(), values.begin(), values.end(), is_value);
  };
  return are_values(jobs, loaded.jobs) && are_values(tasks, loaded.tasks) && are_values(cached, loaded.cached) &&
         queues == loaded.queues &&
         std::equal(drained.begin(), drained.end(), loaded.drained.begin(), loaded.drained.end());
}

void StoreModel::crash() {
  is_up_ = false;
  watched_.clear();
}

void StoreModel::replace(StoreContents files) {
  TROUPE_CHECK(!is_up_ && !newest_, "files are replaced once, while nobody uses them");
  newest_ = std::exchange(contents_, std::move(files));
  was_replaced_ = true;
}

void StoreModel::put_back() {
  TROUPE_CHECK(!is_up_ && newest_, "what is put back was replaced");
  newest_->age.epoch = std::max(newest_->age.epoch, contents_.age.epoch) + 1;
  ++epochs_taken_;
  newest_->age.commit_seq = std::max(newest_->age.commit_seq, contents_.age.commit_seq);
  contents_ = std::move(*newest_);
  newest_.reset();
}

StoreModel::Connection StoreModel::connect() {
  watched_[++last_connection_] = std::nullopt;
  return last_connection_;
}

StoreAge StoreModel::take_epoch() {
  ++contents_.age.epoch;
  ++epochs_taken_;
  return contents_.age;
}

/// Without a WATCH nothing keeps EXEC from being carried out.
bool StoreModel::will_execute(Connection connection) const {
  const auto& watched = watched_.at(connection);
  return !watched || *watched == epochs_taken_;
}

bool StoreModel::execute(Connection connection, const Batch* batch, std::uint64_t commit_seq) {
  const bool executes = will_execute(connection);
  watched_.at(connection).reset();  // EXEC drops every WATCH
  if (!executes) return false;
  if (batch != nullptr)
    for (const Write& write : *batch) contents_.apply(write);
  contents_.age.commit_seq = commit_seq;
  return true;
}

bool StoreModel::lease(std::uint64_t holder, Time now, Time length) {
  if (holder != lease_holder_ && now < lease_until_) return false;
  lease_holder_ = holder;
  lease_until_ = now + length;
  return true;
}

}  // namespace troupe::scheduler::sim
