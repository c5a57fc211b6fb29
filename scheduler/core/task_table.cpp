#include "scheduler/core/task_table.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler {

Job* TaskTable::find_job(JobId id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

Job& TaskTable::add_job(JobInfo info) {
  const JobId id = info.id;
  const auto [place, is_new] = jobs_.try_emplace(id);
  TROUPE_CHECK(is_new, "a job is added once");
  place->second.info = std::move(info);
  place->second.serial = ++jobs_added_;
  return place->second;
}

void TaskTable::erase_job(JobId id) {
  const auto found = jobs_.find(id);
  TROUPE_CHECK(found != jobs_.end(), "only a known job is forgotten");
  for (const Slot slot : found->second.tasks.in_order()) free(slot);
  jobs_.erase(found);
}

Slot TaskTable::find(TaskId id) const {
  const auto job = jobs_.find(id.job);
  return job == jobs_.end() ? no_slot : job->second.tasks.find(id.number);
}

Slot TaskTable::add(Job& job, TaskSpec spec, TaskProgress progress) {
  Slot slot = static_cast<Slot>(used_);
  if (free_.empty()) {
    if (used_++ % page_size == 0) pages_.push_back(std::make_unique<Task[]>(page_size));
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  job.tasks.add(spec.id.number, slot);

  Task& task = (*this)[slot];
  task.spec = std::move(spec);
  task.progress = std::move(progress);
  task.job = &job;
  task.order = next_order_++;
  if (!task.spec.is_join()) {
    task.shape = shapes.add(task.spec.needs, task.spec.spreads);
    ++count_of(task);
  }
  if (task.spec.is_actor()) ++job.actors;
  if (registers_name(task.spec) && !task.is_final()) actors_by_name_.emplace(task.spec.name, slot);
  return slot;
}

void TaskTable::link(Slot slot) {
  Task& task = (*this)[slot];
  for (const TaskId before : predecessors_of(task.spec)) {
    const Slot place = find(before);
    TROUPE_CHECK(place != no_slot, "a task is linked after those before it were added");
    Task& predecessor = (*this)[place];
    if (task.is_final()) continue;
    ++predecessor.open_dependents;
    if (predecessor.progress.branch == Branch::not_taken) task.after_untaken = true;
    if (predecessor.is_final()) continue;
    predecessor.dependents.push_back(slot);
    ++task.open_predecessors;
  }
  if (!task.spec.gang) return;
  const GangHint& hint = *task.spec.gang;
  const auto [place, is_new] = task.job->gangs.try_emplace(hint.gang);
  Gang& gang = place->second;
  if (is_new) gang.priority = task.spec.priority;
  gang.policy = hint.policy;
  gang.members.resize(hint.size, no_slot);
  gang.members[hint.rank] = slot;
  gang.stages = hint.stages;
  gang.order = std::min(gang.order, task.order);
  gang.priority = std::max(gang.priority, task.spec.priority);
  if (!task.is_final()) ++gang.open;
}

bool TaskTable::can_be_forgotten(Slot slot) const {
  const Task& task = (*this)[slot];
  return task.is_final() && task.open_predecessors == 0 && task.open_dependents == 0;
}

void TaskTable::forget(Slot slot) {
  Task& task = (*this)[slot];
  if (task.spec.gang) {
    Gang& gang = gang_of(task);
    gang.members[task.spec.gang->rank] = no_slot;
    const bool is_empty = std::all_of(gang.members.begin(), gang.members.end(), [](Slot s) { return s == no_slot; });
    if (is_empty) task.job->gangs.erase(task.spec.gang->gang);
  }
  task.job->tasks.erase(task.spec.id.number);
  if (!task.spec.is_join()) --count_of(task);
  if (task.spec.is_actor()) --task.job->actors;
  free(slot);
}

void TaskTable::set_state(Task& task, TaskState state) {
  const bool is_counted = !task.spec.is_join();
  if (is_counted) --count_of(task);
  task.progress.state = state;
  if (is_counted) ++count_of(task);
}

Slot TaskTable::find_actor(const std::string& name) const {
  const auto found = actors_by_name_.find(name);
  return found == actors_by_name_.end() ? no_slot : found->second;
}

void TaskTable::give_up_name(const Task& task) {
  if (!registers_name(task.spec)) return;
  const auto found = actors_by_name_.find(task.spec.name);
  if (found != actors_by_name_.end() && &(*this)[found->second] == &task) actors_by_name_.erase(found);
}

void TaskTable::free(Slot slot) {
  Task& task = (*this)[slot];
  give_up_name(task);
  if (task.shape != no_shape) shapes.drop(task.shape);
  std::destroy_at(&task);
  std::construct_at(&task);
  free_.push_back(slot);
}

std::vector<TaskId> predecessors_of(const TaskSpec& spec) {
  std::vector<TaskId> ids = spec.after;
  if (ids.size() < 2) return ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::string name_of(const TaskSpec& spec) {
  return spec.name.empty() ? "task " + std::to_string(spec.id.number) : "task '" + spec.name + "'";
}

}  // namespace troupe::scheduler
