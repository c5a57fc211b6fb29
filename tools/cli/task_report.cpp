#include "tools/cli/task_report.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "runtime/base/json_path.h"
#include "tools/cli/json_line.h"
#include "tools/cli/output.h"

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

Json task_object(const GraphName& graph, const TaskId& id, const std::string& task,
                 const scheduler::TaskProgress& progress) {
  Json attempts = Json::array();
  for (const auto& attempt : progress.attempts) attempts.push_back(attempt_object(attempt, graph.nodes));
  const bool has_none = progress.result.empty() || is_too_deep(progress.result);
  const Json result = has_none ? Json() : Json::parse(progress.result, nullptr, false);
  return {{"task", task},
          {"graph", graph.name},
          {"state", troupe::to_text(progress.state)},
          {"attempts", std::move(attempts)},
          {"result", result.is_discarded() ? Json() : result},
          {"wall_ms", wall_ms(progress, 0)},
          {"reason", progress.reason.empty() ? Json() : Json(progress.reason)},
          {"cached", progress.cached},
          {"iteration", progress.iteration},
          {"task_id", troupe::to_text(id)},
          {"graph_id", troupe::to_text(graph.id)}};
}

Json run_object(const RunSummary& run) {
  Json tasks = Json::object();
  for (const TaskState state : {TaskState::waiting, TaskState::ready, TaskState::running, TaskState::done,
                                TaskState::failed, TaskState::cancelled, TaskState::skipped})
    tasks[troupe::to_text(state)] = run.tasks[state];
  return {{"graph", run.name},
          {"graph_id", troupe::to_text(run.id)},
          {"state", to_text(run.state)},
          {"started", time_or_null(run.started_ms)},
          {"ended", time_or_null(run.ended_ms)},
          {"wall_ms", run.wall_ms()},
          {"tasks", run.tasks.sum()},
          {"states", std::move(tasks)},
          {"folder", run.folder}};
}

}  // namespace

std::string NodeNames::of(NodeId node) const {
  if (is_local_) return "local";
  const auto known = names_.find(node);
  return known == names_.end() ? troupe::to_text(node) : known->second;
}

std::string task_json(const GraphName& graph, const TaskId& id, const std::string& task,
                      const scheduler::TaskProgress& progress) {
  return json_line(task_object(graph, id, task, progress));
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

std::int64_t wall_ms(const scheduler::TaskProgress& progress, std::int64_t now_ms) {
  if (progress.attempts.empty()) return 0;
  const std::int64_t ended = progress.attempts.back().ended_ms;
  return std::max<std::int64_t>(0, (ended == 0 ? now_ms : ended) - progress.attempts.front().started_ms);
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
