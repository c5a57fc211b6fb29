#include "tools/cli/commands/get.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <set>
#include <vector>

#include "runtime/agent/process.h"
#include "runtime/worker/task_log.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/graph_source.h"
#include "tools/cli/output.h"
#include "tools/cli/run_store.h"
#include "tools/cli/task_report.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using scheduler::TaskRecord;

void row(const char* name, const std::string& value) {
  if (!value.empty()) std::printf("%-12s %s\n", name, value.c_str());
}

std::string wall_text(std::int64_t ms) { return duration_text(std::chrono::milliseconds(ms)); }

void print_run(const RunSummary& run, const std::vector<TaskRecord>& tasks, const NodeNames& nodes) {
  row("graph", run.name);
  row("id", to_text(run.id));
  row("state", to_text(run.state));
  row("started", local_time(run.started_ms));
  if (run.ended_ms != 0) row("ended", local_time(run.ended_ms) + ", after " + wall_text(run.wall_ms()));
  row("folder", run.folder);
  std::printf("\n");
  Table table({{"task"}, {"state"}, {"attempts", true}, {"node"}, {"wall", true}, {"cause"}});
  for (const auto& task : tasks)
    if (!task.spec.is_join())
      table.add({task.spec.name, state_cell(to_text(task.progress.state)),
                 std::to_string(task.progress.attempts.size()), node_of(task.progress, nodes),
                 wall_text(wall_ms(task.progress, 0)), first_line(cause_of(task.progress))});
  table.print();
  std::printf("%s\n", describe(count_states(tasks)).c_str());
}

/// Names of tasks in one line; not all of very many.
std::string names_of(const std::vector<TaskId>& ids, const std::vector<TaskRecord>& tasks) {
  constexpr std::size_t most = 20;
  std::string names;
  for (std::size_t i = 0; i < std::min(ids.size(), most); ++i) {
    const auto found =
        std::find_if(tasks.begin(), tasks.end(), [&](const TaskRecord& t) { return t.spec.id == ids[i]; });
    names += (i == 0 ? "" : ", ") + (found == tasks.end() ? to_text(ids[i]) : found->spec.name);
  }
  if (ids.size() > most) names += " and " + std::to_string(ids.size() - most) + " more";
  return names;
}

/// What a task comes after; in place of joins, what these come after.
std::set<TaskId> tasks_before(const TaskRecord& task, const std::vector<TaskRecord>& tasks) {
  std::map<TaskId, const TaskSpec*> joins;
  for (const auto& other : tasks)
    if (other.spec.is_join()) joins.emplace(other.spec.id, &other.spec);
  std::set<TaskId> before(task.spec.after.begin(), task.spec.after.end());
  std::vector<TaskId> next(before.begin(), before.end());
  while (!next.empty()) {
    const auto join = joins.find(next.back());
    next.pop_back();
    if (join == joins.end()) continue;
    for (const TaskId each : join->second->after)
      if (before.insert(each).second) next.push_back(each);
  }
  std::erase_if(before, [&](TaskId id) { return joins.contains(id); });
  return before;
}

/// For a task that has not ended: what it waits for.
std::string why_waiting(const TaskRecord& task, const std::vector<TaskRecord>& tasks) {
  if (is_final(task.progress.state) || task.progress.state == TaskState::running) return {};
  const std::set<TaskId> before = tasks_before(task, tasks);
  std::vector<TaskId> open;
  for (const auto& other : tasks)
    if (other.progress.state != TaskState::done && before.contains(other.spec.id)) open.push_back(other.spec.id);
  return open.empty() ? "for a node with " + describe(task.spec.needs) + " to spare" : "for " + names_of(open, tasks);
}

std::string quoted_words(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) {
    const bool is_plain = !word.empty() && word.find_first_of(" \t\n'\"\\$&|;<>()*?[]{}#~") == word.npos;
    text += (text.empty() ? "" : " ") + (is_plain ? word : "'" + word + "'");
  }
  return text;
}

void print_attempt(const TaskSpec& task, const AttemptRecord& attempt, const NodeNames& nodes) {
  const bool is_over = attempt.ended_ms != 0;
  std::printf("\nattempt %u on %s, %s", attempt.id.number, nodes.of(attempt.node).c_str(),
              local_time(attempt.started_ms).c_str());
  if (!is_over) {
    std::printf(": under way, or its end was not seen\n");
  } else {
    std::printf(", %s: %s\n", wall_text(attempt.ended_ms - attempt.started_ms).c_str(), to_text(attempt.end));
  }
  const std::string file = output_file(task, attempt.id);
  // A cause ends with the last lines of output already.
  std::string text = attempt.end == AttemptEnd::done ? last_lines(file) : attempt.cause.message;
  for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += 3) text.replace(at, 1, "\n  ");
  if (!text.empty()) std::printf("  %s\n", text.c_str());
  if (!file.empty()) std::printf("  output: %s\n", file.c_str());
}

void print_task(const RunSummary& run, const TaskRecord& task, const std::vector<TaskRecord>& tasks,
                const NodeNames& nodes) {
  const auto& [spec, progress] = task;
  row("task", spec.name);
  row("id", to_text(spec.id));
  row("graph", run.name + " (" + to_text(run.id) + ")");
  row("state", to_text(progress.state));
  row("reason", progress.reason);
  row("waits", why_waiting(task, tasks));
  row("after", names_of(spec.after, tasks));
  if (spec.is_join()) return row("is", "a join: nothing runs, it is done when all that it comes after are");
  row("needs", describe(spec.needs));
  if (spec.when) row("when", spec.when->text);
  if (spec.repeat)
    row("repeat", "while " + spec.repeat->condition.text + ", run " + std::to_string(progress.iteration + 1) + " of " +
                      std::to_string(spec.repeat->at_most) + " at most");
  if (progress.cached) row("cached", "its result was known");
  row("attempts", std::to_string(progress.attempts.size()) + " (" + std::to_string(progress.failed_attempts) +
                      " failed, at most " + std::to_string(spec.max_attempts) + ")");
  if (spec.timeout.count() > 0) row("timeout", duration_text(spec.timeout));
  if (!progress.attempts.empty()) row("wall", wall_text(wall_ms(progress, 0)));
  if (const CommandWork* command = command_of(spec.work)) {
    row("command", quoted_words(command->argv));
    row("in", command->working_directory.empty() ? command->task_directory : command->working_directory);
    row("directory", command->task_directory);
  }
  row("result", first_line(progress.result, 2'000));
  for (const auto& attempt : progress.attempts) print_attempt(spec, attempt, nodes);
}

int fail(const Error& error) {
  complain("get", error.message);
  return exit_code_of(error);
}

}  // namespace

int get_command(const GetCommand& command) {
  const auto source = choose_source(command.cluster);
  if (!source) return fail(source.error());
  const auto found = find_in(**source, command.id);
  if (!found) return fail(found.error());
  const NodeNames& nodes = (*source)->nodes();
  const auto& run = found->graph;
  const auto& tasks = found->stored.tasks;
  if (!found->task) {
    command.json ? void(std::printf("%s\n", run_json(run, tasks, nodes).c_str())) : print_run(run, tasks, nodes);
    return exit_done;
  }
  const auto task =
      std::find_if(tasks.begin(), tasks.end(), [&](const TaskRecord& each) { return each.spec.id == *found->task; });
  if (command.json) {
    std::printf("%s\n", task_json({run.id, run.name, nodes}, task->spec.id, task->spec.name, task->progress).c_str());
  } else {
    print_task(run, *task, tasks, nodes);
  }
  return exit_done;
}

}  // namespace troupe::cli
