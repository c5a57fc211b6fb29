#include "tools/cli/live_work.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "scheduler/local/standing.h"

namespace troupe::cli {
namespace {

constexpr std::chrono::milliseconds answer_limit{10'000};
constexpr std::size_t least_prefix = 4;

using message::JobSummary;
using message::TaskSummary;

Error several(const std::string& id, std::size_t count, const char* what, const char* kind) {
  return bad_input("'" + id + "' names " + std::to_string(count) + ' ' + what + ": give an id (troupe list " + kind +
                   " shows them)");
}

bool is_called(const JobSummary& job, const std::string& text) {
  return job.job.name == text || (text.size() >= least_prefix && to_text(job.job.id).starts_with(text));
}

/// The one job of a driver that the text names.
Result<JobSummary> find_job(const std::vector<JobSummary>& jobs, const std::string& text) {
  std::vector<const JobSummary*> found;
  for (const auto& job : jobs)
    if (is_drivers(job) && is_called(job, text)) found.push_back(&job);
  if (found.size() > 1) return several(text, found.size(), "jobs", "jobs");
  if (found.empty()) return Error{Fault::not_found, "no driver's job is called '" + text + "'"};
  return *found.front();
}

/// The one of these that is called so.
Result<FoundLive> pick(const std::string& id, const std::vector<FoundLive>& called, const char* what,
                       const char* kind) {
  if (called.size() > 1) return several(id, called.size(), what, kind);
  if (called.empty()) return Error{Fault::not_found, "nothing that runs is called '" + id + "'"};
  return called.front();
}

Result<FoundLive> find_actor(LiveWork& live, const std::vector<JobSummary>& jobs, const std::string& name) {
  std::vector<FoundLive> called;
  for (const auto& job : jobs) {
    if (!is_drivers(job) || job.actors == 0) continue;
    auto actors = live.tasks({.job = job.job.id, .only_actors = true, .with_attempts = true});
    if (!actors) return actors.error();
    for (auto& actor : *actors)
      if (actor.name == name) called.push_back({job, std::move(actor)});
  }
  return pick(name, called, "actors", "actors");
}

Work work_of(const TaskSummary& task) {
  switch (task.kind) {
    case message::WorkKind::function: return FunctionWork{.function = task.work, .arguments = {}};
    case message::WorkKind::actor: return ActorWork{.type = task.work, .arguments = {}};
    case message::WorkKind::command: return CommandWork{.argv = {task.work}};
    case message::WorkKind::join: return JoinWork{};
  }
  return JoinWork{};
}

}  // namespace

Result<SessionCore*> LiveWork::core() {
  if (!session_) {
    auto session = scheduler::connect(cluster_);
    if (!session) return session.error();
    session_.emplace(std::move(*session));
  }
  return &session_->core();
}

Result<std::vector<JobSummary>> LiveWork::jobs() {
  const auto core = this->core();
  if (!core) return core.error();
  auto jobs = (*core)->list_jobs(answer_limit);
  if (!jobs) return jobs;
  std::erase_if(*jobs, [&](const JobSummary& job) { return job.job.id == (*core)->job(); });
  std::stable_sort(jobs->begin(), jobs->end(), [](const JobSummary& a, const JobSummary& b) {
    return std::pair(is_drivers(a), a.since_ms) > std::pair(is_drivers(b), b.since_ms);
  });
  return jobs;
}

Result<std::vector<JobSummary>> LiveWork::busy_jobs() {
  auto jobs = this->jobs();
  if (jobs) std::erase_if(*jobs, [](const JobSummary& job) { return open_tasks_of(job) == 0; });
  return jobs;
}

Result<std::vector<TaskSummary>> LiveWork::tasks(const message::AskTasks& wanted) {
  const auto core = this->core();
  if (!core) return core.error();
  return (*core)->list_tasks(wanted, answer_limit);
}

Result<void> LiveWork::tasks(const message::AskTasks& wanted,
                             const std::function<bool(std::vector<TaskSummary>&&)>& take) {
  const auto core = this->core();
  if (!core) return core.error();
  return (*core)->list_tasks(wanted, answer_limit, take);
}

Result<std::optional<message::TaskTold>> LiveWork::task(TaskId task) {
  const auto core = this->core();
  if (!core) return core.error();
  auto told = (*core)->ask_task(task, answer_limit);
  if (!told) return told.error();
  return told->is_known ? std::optional(std::move(*told)) : std::nullopt;
}

Result<message::ClusterStatus> LiveWork::status(bool with_queue) {
  const auto core = this->core();
  if (!core) return core.error();
  return (*core)->ask_status(answer_limit, with_queue);
}

const NodeNames& LiveWork::nodes() {
  if (nodes_) return *nodes_;
  std::map<NodeId, std::string> names;
  if (const auto status = this->status())
    for (const auto& node : status->nodes) names.emplace(node.node, node.name);
  return nodes_.emplace(std::move(names));
}

bool is_drivers(const JobSummary& job) { return !job.job.durable; }

const char* kind_of(const JobSummary& job) { return is_drivers(job) ? "driver" : "graph"; }

RunState state_of(const JobSummary& job) {
  return is_drivers(job) || open_tasks_of(job) > 0 ? RunState::running : run_state_of(counts_of(job));
}

TaskCounts counts_of(const JobSummary& job) {
  TaskCounts counts;
  for (std::size_t i = 0; i < std::min(job.states.size(), counts.counts.size()); ++i) counts.counts[i] = job.states[i];
  return counts;
}

std::uint64_t open_tasks_of(const JobSummary& job) {
  const TaskCounts counts = counts_of(job);
  return counts[TaskState::waiting] + counts[TaskState::ready] + counts[TaskState::running];
}

Result<FoundLive> find_live(LiveWork& live, const std::string& id) {
  const auto jobs = live.jobs();
  if (!jobs) return jobs.error();
  if (const auto task = task_id_from(id)) {
    const auto job =
        std::find_if(jobs->begin(), jobs->end(), [&](const auto& each) { return each.job.id == task->job; });
    const auto told = live.task(*task);
    if (!told) return told.error();
    if (job != jobs->end() && *told) return FoundLive{*job, (*told)->summary};
    return Error{Fault::not_found, "the scheduler does not know task " + id + ", or no longer"};
  }
  const std::size_t slash = id.find('/');
  const auto job = find_job(*jobs, id.substr(0, slash));
  if (!job) return job.error().fault == Fault::not_found ? find_actor(live, *jobs, id) : job.error();
  if (slash == id.npos) return FoundLive{*job, {}};
  auto tasks = live.tasks({.job = job->job.id, .with_attempts = true});
  if (!tasks) return tasks.error();
  std::vector<FoundLive> called;
  for (auto& task : *tasks)
    if (task.name == id.substr(slash + 1)) called.push_back({*job, std::move(task)});
  return pick(id, called, "tasks", "tasks");
}

scheduler::TaskRecord record_of(const TaskSummary& task) {
  scheduler::TaskRecord record;
  record.spec.id = task.task;
  record.spec.name = task.name;
  record.spec.work = work_of(task);
  record.spec.max_attempts = task.max_attempts;
  record.spec.gang = task.gang;
  record.progress.state = task.state;
  record.progress.attempts = task.records;
  return record;
}

scheduler::TaskRecord record_of(const message::TaskTold& told) {
  scheduler::TaskRecord record = record_of(told.summary);
  record.spec = told.spec;
  record.progress.failed_attempts = told.failed_attempts;
  record.progress.iteration = told.iteration;
  record.progress.cached = told.is_cached;
  record.progress.reason = told.reason;
  return record;
}

}  // namespace troupe::cli
