#include "tools/cli/run_summary.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "runtime/base/check.h"
#include "tools/cli/json_line.h"

namespace troupe::cli {
namespace {

using Json = nlohmann::json;

constexpr RunState run_states[] = {RunState::running, RunState::done, RunState::failed, RunState::cancelled,
                                   RunState::interrupted};
constexpr TaskState task_states[] = {TaskState::waiting, TaskState::ready,     TaskState::running, TaskState::done,
                                     TaskState::failed,  TaskState::cancelled, TaskState::skipped};

}  // namespace

const char* to_text(RunState state) {
  switch (state) {
    case RunState::running: return "running";
    case RunState::done: return "done";
    case RunState::failed: return "failed";
    case RunState::cancelled: return "cancelled";
    case RunState::interrupted: return "interrupted";
  }
  check_failed(__FILE__, __LINE__, "state", "a run's state is one of the five");
}

std::size_t TaskCounts::sum() const {
  std::size_t sum = 0;
  for (const std::size_t count : counts) sum += count;
  return sum;
}

bool TaskCounts::all_final() const {
  return std::all_of(std::begin(task_states), std::end(task_states),
                     [&](TaskState state) { return is_final(state) || (*this)[state] == 0; });
}

std::string describe(const TaskCounts& counts) {
  const std::size_t sum = counts.sum();
  std::string text = std::to_string(sum) + (sum == 1 ? " task" : " tasks");
  const char* separator = ": ";
  for (const TaskState state : task_states) {
    if (counts[state] == 0) continue;
    text += separator + std::to_string(counts[state]) + ' ' + to_text(state);
    separator = ", ";
  }
  return text;
}

TaskCounts count_states(const std::vector<scheduler::TaskRecord>& tasks) {
  TaskCounts counts;
  for (const auto& task : tasks)
    if (!task.spec.is_join()) ++counts[task.progress.state];
  return counts;
}

RunState run_state_of(const TaskCounts& counts) {
  if (!counts.all_final()) return RunState::interrupted;
  if (counts[TaskState::failed] > 0) return RunState::failed;
  if (counts[TaskState::cancelled] > 0) return RunState::cancelled;
  return RunState::done;  // what was skipped all the same is a branch that was not taken
}

std::string to_json(const RunSummary& run) {
  Json tasks = Json::object();
  for (const TaskState state : task_states)
    if (run.tasks[state] > 0) tasks[to_text(state)] = run.tasks[state];
  const Json summary{{"version", 1},
                     {"id", to_text(run.id)},
                     {"name", run.name},
                     {"state", to_text(run.state)},
                     {"started_ms", run.started_ms},
                     {"ended_ms", run.ended_ms},
                     {"tasks", tasks},
                     {"socket", run.socket}};
  return json_line(summary);
}

std::optional<RunSummary> run_summary_from(std::string_view json) {
  const Json summary = Json::parse(json, nullptr, false);
  if (!summary.is_object()) return std::nullopt;
  try {
    RunSummary run;
    const auto id = hex_from(summary.at("id").get<std::string>());
    if (!id) return std::nullopt;
    run.id = JobId{*id};
    run.name = summary.at("name").get<std::string>();
    run.started_ms = summary.at("started_ms").get<std::int64_t>();
    run.ended_ms = summary.at("ended_ms").get<std::int64_t>();
    if (run.started_ms < 0 || run.ended_ms < 0) return std::nullopt;
    run.socket = summary.at("socket").get<std::string>();
    for (const RunState state : run_states)
      if (summary.at("state") == to_text(state)) run.state = state;
    for (const TaskState state : task_states) run.tasks[state] = summary.at("tasks").value(to_text(state), 0u);
    return run;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace troupe::cli
