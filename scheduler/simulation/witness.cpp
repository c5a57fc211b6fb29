#include "scheduler/simulation/witness.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace troupe::scheduler::sim {

std::string text_of_attempt(TaskId task, AttemptId attempt) {
  return std::to_string(task.job.value) + '.' + std::to_string(task.number) + '#' + std::to_string(attempt.epoch) +
         '.' + std::to_string(attempt.number);
}

std::string name_of(TaskId task) {
  return "task " + std::to_string(task.job.value) + '.' + std::to_string(task.number);
}

Bytes result_of(TaskId task, AttemptId attempt) { return '"' + text_of_attempt(task, attempt) + '"'; }

TaskId task_of(const Bytes& result) {
  unsigned long long job = 0;
  unsigned number = 0;
  std::sscanf(result.c_str(), "\"%llu.%u#", &job, &number);
  return {{job}, number};
}

void Witness::breaks(std::string invariant) {
  if (broken_.empty()) broken_ = std::move(invariant);
}

void Witness::opens(const StoredState& loaded, ClusterId own, const StoreModel& store) {
  ++counts.schedulers;
  if (!store.is_up() || loaded.epoch != store.age().epoch) return;  // another one was quicker
  if (store.age().cluster != own) return breaks("14: a scheduler works on another cluster's store");
  if (!store.contents().matches(loaded)) breaks("13: a scheduler starts from something else than the store holds");
}

void Witness::commits(const StoreAge& writer, const Batch* batch, const StoreModel& store) {
  if (writer.epoch != store.age().epoch)
    breaks("9: a scheduler of epoch " + std::to_string(writer.epoch) + " writes in epoch " +
           std::to_string(store.age().epoch));
  if (batch == nullptr) return;
  for (const Write& write : *batch)
    if (const auto* added = std::get_if<SaveTask>(&write); added != nullptr && added->spec->is_join())
      joins_.insert(added->spec->id);
  for (const Write& write : *batch)
    if (const auto* saved = std::get_if<SaveProgress>(&write)) check_progress(*saved, store.contents());
}

void Witness::check_progress(const SaveProgress& saved, const StoreContents& before) {
  const TaskProgress& progress = saved.progress;
  if (joins_.contains(saved.task)) {
    if (!progress.attempts.empty() || !progress.result.empty() || progress.state == TaskState::ready)
      return breaks("2: " + name_of(saved.task) + " is a join, and ready, tried or with a result");
  } else if (progress.state == TaskState::done) {
    if (progress.cached) return check_known(saved);
    if (progress.attempts.empty() || progress.attempts.back().end != AttemptEnd::done)
      return breaks("2: " + name_of(saved.task) + " is done, and its last attempt is not");
    if (progress.result != result_of(saved.task, progress.attempts.back().id))
      return breaks("2: " + name_of(saved.task) + " has the result of an attempt that was not the current one");
  }
  const auto record = before.tasks.find(saved.task);
  if (record == before.tasks.end()) return;
  const TaskProgress& was = record->second.progress;
  if (is_final(was.state) && was != progress)
    return breaks("3: " + name_of(saved.task) + " goes on after it has ended");
  if (was.attempts.size() > progress.attempts.size() ||
      !std::equal(was.attempts.begin(), was.attempts.end(), progress.attempts.begin(),
                  [](const AttemptRecord& a, const AttemptRecord& b) { return a.id == b.id; }))
    breaks("3: attempts of " + name_of(saved.task) + " are forgotten");
}

/// Requires: the progress is cached.
void Witness::check_known(const SaveProgress& saved) {
  if (!saved.progress.attempts.empty())
    return breaks("2: " + name_of(saved.task) + " has a known result, and attempts of its own");
  if (!is_finished(saved.progress.result))
    breaks("2: the known result of " + name_of(saved.task) + " is of no attempt that was done");
}

const std::vector<Bytes>& Witness::used_by(const Bytes& result) const {
  static const std::vector<Bytes> none;
  const auto found = used_.find(result);
  return found == used_.end() ? none : found->second;
}

/// An order may reach the next incarnation of an agent late; what it starts there is stopped, and nothing of it counts.
void Witness::starts(const RunOrder& order, const AgentIdentity& agent, const StoreModel& store) {
  const auto [task, attempt] = std::pair(order.task, order.attempt);
  ++counts.attempts;
  if (!std::all_of(order.inputs.begin(), order.inputs.end(), [this](const Bytes& input) { return is_finished(input); }))
    return breaks("3: " + text_of_attempt(task, attempt) + " begins before what it comes after was done");
  used_.erase(result_of(task, attempt));
  if (store.was_replaced()) return;  // an older store counts its epochs again
  if (!order.inputs.empty()) used_.emplace(result_of(task, attempt), order.inputs);
  auto& started = started_[task];
  const Start start{attempt, agent.node, agent.incarnation};
  if (std::find(started.begin(), started.end(), start) != started.end())
    return breaks("1: " + result_of(task, attempt) + " is started twice by one agent");
  started.push_back(start);
}

}  // namespace troupe::scheduler::sim
