#include "tools/cli/task_report.h"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "runtime/base/json_path.h"
#include "tools/cli/cluster_report.h"
#include "tools/cli/json_line.h"
#include "tools/cli/live_work.h"
#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using Json = nlohmann::ordered_json;

Json time_or_null(std::int64_t ms) { return ms == 0 ? Json() : Json(rfc3339(ms)); }

Json attempt_object(const AttemptRecord& attempt, const NodeNames& nodes) {
  const bool is_over = attempt.ended_ms != 0;
  const bool is_done = is_over && attempt.end == AttemptEnd::done;
  const bool was_killed = attempt.cause.signal != 0;
  const bool has_exited = is_done || attempt.cause.exit_code != 0;
  return {{"number", attempt.id.number},
          {"node", nodes.of(attempt.node)},
          {"started", time_or_null(attempt.started_ms)},
          {"ended", time_or_null(attempt.ended_ms)},
          {"exit_code", has_exited ? Json(attempt.cause.exit_code) : Json()},
          {"signal", was_killed ? Json(attempt.cause.signal) : Json()},
          {"cause", is_over && !is_done ? Json(attempt.cause.message) : Json()},
          {"end", is_over ? Json(to_text(attempt.end)) : Json()},
          {"epoch", attempt.id.epoch},
          {"node_id", troupe::to_text(attempt.node)}};
}

template <class Attempts>
Json attempts_array(const Attempts& attempts, const NodeNames& nodes) {
  Json array = Json::array();
  for (const auto& attempt : attempts) array.push_back(attempt_object(attempt, nodes));
  return array;
}

Json counts_object(const TaskCounts& counts) {
  Json object = Json::object();
  for (const TaskState state : {TaskState::waiting, TaskState::ready, TaskState::running, TaskState::done,
                                TaskState::failed, TaskState::cancelled, TaskState::skipped})
    object[troupe::to_text(state)] = counts[state];
  return object;
}

Json task_object(const TaskOwner& owner, const TaskId& id, const std::string& task,
                 const scheduler::TaskProgress& progress) {
  const bool has_none = progress.result.empty() || is_too_deep(progress.result);
  const Json result = has_none ? Json() : Json::parse(progress.result, nullptr, false);
  return {{"task", task},
          {"graph", owner.is_driver ? Json() : Json(owner.name)},
          {"state", troupe::to_text(progress.state)},
          {"attempts", attempts_array(progress.attempts, owner.nodes)},
          {"result", result.is_discarded() ? Json() : result},
          {"wall_ms", wall_ms(progress)},
          {"reason", progress.reason.empty() ? Json() : Json(progress.reason)},
          {"cached", progress.cached},
          {"iteration", progress.iteration},
          {"task_id", troupe::to_text(id)},
          {"graph_id", owner.is_driver ? Json() : Json(troupe::to_text(owner.id))}};
}

void add_owner(Json& object, const TaskOwner& owner) {
  object["job"] = owner.name;
  object["job_id"] = troupe::to_text(owner.id);
  object["job_kind"] = owner.is_driver ? "driver" : "graph";
}

const char* to_text(message::WorkKind kind) {
  switch (kind) {
    case message::WorkKind::function: return "function";
    case message::WorkKind::actor: return "actor";
    case message::WorkKind::command: return "command";
    case message::WorkKind::join: return "join";
  }
  return "unknown";
}

std::string name_of_work(const Work& work) {
  if (const auto* function = std::get_if<FunctionWork>(&work)) return function->function;
  if (const auto* actor = std::get_if<ActorWork>(&work)) return actor->type;
  const CommandWork* command = command_of(work);
  return command == nullptr || command->argv.empty() ? std::string() : command->argv.front();
}

/// null: it runs, or has ended.
Json waits_object(const message::TaskTold& told) {
  const WaitReason& waits = told.waits;
  if (waits.what == WaitsFor::nothing) return {};
  Json holders = Json::array();
  for (const auto& holder : told.holders) holders.push_back(holder_object(holder));
  return {{"for", troupe::to_text(waits.what)},
          {"why", waits.text},
          {"task_id", waits.task ? Json(troupe::to_text(waits.task)) : Json()},
          {"others", waits.others},
          {"name", waits.name.empty() ? Json() : Json(waits.name)},
          {"until", time_or_null(waits.until_ms)},
          {"holders", std::move(holders)}};
}

Json full_task_object(const TaskOwner& owner, const scheduler::TaskRecord& task, const message::TaskTold* told) {
  Json object = task_object(owner, task.spec.id, task.spec.name, task.progress);
  add_owner(object, owner);
  object["is"] = to_text(static_cast<message::WorkKind>(task.spec.work.index()));
  object["work"] = name_of_work(task.spec.work);
  if (told != nullptr) object["waits"] = waits_object(*told);
  return object;
}

Json job_object(const message::JobSummary& job) {
  const TaskCounts counts = counts_of(job);
  return {{"job", job.job.name},
          {"job_id", troupe::to_text(job.job.id)},
          {"kind", kind_of(job)},
          {"state", to_text(state_of(job))},
          {"tasks", counts.sum()},
          {"states", counts_object(counts)},
          {"actors", job.actors},
          {"drivers", job.drivers},
          {"program", job.job.program.empty() ? Json() : Json(job.job.program)},
          {"since", time_or_null(job.since_ms)}};
}

Json run_object(const RunSummary& run) {
  return {{"graph", run.name},
          {"graph_id", troupe::to_text(run.id)},
          {"state", to_text(run.state)},
          {"started", time_or_null(run.started_ms)},
          {"ended", time_or_null(run.ended_ms)},
          {"wall_ms", run.wall_ms()},
          {"tasks", run.tasks.sum()},
          {"states", counts_object(run.tasks)},
          {"folder", run.folder}};
}

}  // namespace

std::string NodeNames::of(NodeId node) const {
  if (is_local_) return "local";
  const auto known = names_.find(node);
  return known == names_.end() ? troupe::to_text(node) : known->second;
}

std::string task_json(const TaskOwner& owner, const TaskId& id, const std::string& task,
                      const scheduler::TaskProgress& progress) {
  return json_line(task_object(owner, id, task, progress));
}

std::string task_json(const TaskOwner& owner, const scheduler::TaskRecord& task, const message::TaskTold* told) {
  return json_line(full_task_object(owner, task, told));
}

std::string state_of_actor(const message::TaskSummary& actor) {
  if (actor.state == TaskState::running) return actor.is_up ? "running" : "starting";
  return is_final(actor.state) ? troupe::to_text(actor.state) : "waiting";
}

std::uint32_t restarts_of(const message::TaskSummary& actor) { return actor.attempts == 0 ? 0 : actor.attempts - 1; }

namespace {

Json calls_object(const Boxed<message::CallCounts>& calls) {
  if (!calls) return {};
  return {{"answered", calls->answered},
          {"waiting", calls->waiting},
          {"running", calls->running},
          {"method", calls->method.empty() ? Json() : Json(calls->method)},
          {"running_ms", calls->running_ms}};
}

}  // namespace

std::string calls_text(const Boxed<message::CallCounts>& calls) {
  if (!calls) return {};
  std::string text = std::to_string(calls->answered) + " answered";
  if (calls->waiting > 0) text += ", " + std::to_string(calls->waiting) + " wait";
  if (calls->running == 0) return text;
  text += calls->running == 1 ? ", runs " + calls->method
                              : ", " + std::to_string(calls->running) + " run, " + calls->method + " the last of them";
  constexpr std::int64_t long_ms = 1000;  // It is looked at once a second.
  if (calls->running_ms < long_ms) return text;
  return text + ", for " + duration_text(std::chrono::milliseconds(calls->running_ms));
}

std::string actor_json(const TaskOwner& owner, const message::TaskSummary& actor, const message::TaskTold* told) {
  const bool has_node = actor.state == TaskState::running;
  Json object{{"actor", actor.name},
              {"actor_id", troupe::to_text(actor.task)},
              {"class", actor.work},
              {"state", state_of_actor(actor)},
              {"node", has_node ? Json(owner.nodes.of(actor.node)) : Json()},
              {"node_id", has_node ? Json(troupe::to_text(actor.node)) : Json()},
              {"restarts", restarts_of(actor)},
              {"max_restarts", actor.max_attempts - 1},
              {"lifetime", owner.is_driver ? "job" : "detached"},
              {"gang", Json()},
              {"calls", calls_object(actor.calls)},
              {"attempts", attempts_array(actor.records, owner.nodes)}};
  if (actor.gang) object["gang"] = {{"gang", actor.gang->gang}, {"rank", actor.gang->rank}, {"size", actor.gang->size}};
  add_owner(object, owner);
  if (told != nullptr) {
    object["reason"] = told->reason.empty() ? Json() : Json(told->reason);
    object["waits"] = waits_object(*told);
  }
  return json_line(object);
}

Table job_table() {
  return Table({{"job"},
                {"kind"},
                {"state"},
                {"waiting", true},
                {"ready", true},
                {"running", true},
                {"ended", true},
                {"actors", true},
                {"id"}});
}

void add_job(Table& table, const message::JobSummary& job) {
  const TaskCounts counts = counts_of(job);
  const auto count = [&](TaskState state) { return std::to_string(counts[state]); };
  table.add({job.job.name, kind_of(job), state_cell(to_text(state_of(job))), count(TaskState::waiting),
             count(TaskState::ready), count(TaskState::running), std::to_string(counts.sum() - open_tasks_of(job)),
             std::to_string(job.actors), to_text(job.job.id)});
}

Json jobs_array(const std::vector<message::JobSummary>& jobs) {
  Json array = Json::array();
  for (const auto& job : jobs) array.push_back(job_object(job));
  return array;
}

std::string job_json(const message::JobSummary& job) { return json_line(job_object(job)); }

std::string job_json(const message::JobSummary& job, const std::vector<message::TaskSummary>& tasks,
                     const NodeNames& nodes) {
  Json object = job_object(job);
  Json list = Json::array();
  for (const auto& task : tasks)
    list.push_back(full_task_object({job.job.id, job.job.name, nodes, is_drivers(job)}, record_of(task), nullptr));
  object["task_list"] = std::move(list);
  return json_line(object);
}

std::string run_json(const RunSummary& run) { return json_line(run_object(run)); }

std::string run_json(const RunSummary& run, const std::vector<scheduler::TaskRecord>& tasks, const NodeNames& nodes) {
  Json object = run_object(run);
  Json list = Json::array();
  for (const auto& task : tasks)
    if (!task.spec.is_join())
      list.push_back(task_object({run.id, run.name, nodes}, task.spec.id, task.spec.name, task.progress));
  object["task_list"] = std::move(list);
  return json_line(object);
}

std::int64_t wall_ms(const scheduler::TaskProgress& progress) {
  if (progress.attempts.empty()) return 0;
  std::int64_t until = progress.attempts.back().ended_ms;
  if (until == 0) until = now_ms();
  return std::max<std::int64_t>(0, until - progress.attempts.front().started_ms);
}

std::string node_of(const scheduler::TaskProgress& progress, const NodeNames& nodes) {
  return progress.attempts.empty() ? "-" : nodes.of(progress.attempts.back().node);
}

std::string cause_of(const scheduler::TaskProgress& progress) {
  if (progress.state == TaskState::failed && !progress.attempts.empty()) {
    const std::string& message = progress.attempts.back().cause.message;
    // The reason may say more than the last attempt, but it has one line only.
    const bool is_same = message.substr(0, message.find('\n')) == progress.reason;
    return is_same || progress.reason.empty() ? message : progress.reason;
  }
  return progress.reason;
}

std::string output_file(const TaskSpec& task, AttemptId attempt) {
  const CommandWork* command = command_of(task.work);
  if (command == nullptr) return {};
  return command->task_directory + "/output-" + std::to_string(attempt.epoch) + '.' + std::to_string(attempt.number);
}

}  // namespace troupe::cli
