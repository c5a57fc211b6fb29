#include "tools/cli/commands/get_task.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <set>
#include <string_view>

#include "runtime/worker/task_log.h"
#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using scheduler::TaskRecord;

std::string wall_text(std::int64_t ms) { return duration_text(std::chrono::milliseconds(ms)); }

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

/// For a task that has not ended, as far as the store tells: what it waits for.
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

/// The first of those who hold what it waits for.
std::string holder_text(const message::TaskTold& told) {
  if (told.holders.empty()) return {};
  const message::ClaimSummary& first = told.holders.front();
  std::string text = first.task ? "task " + to_text(first.task, first.attempt) : "driver " + to_text(first.client);
  if (!first.name.empty()) text += " (" + first.name + ')';
  if (first.until_ms != 0) text += ", until " + local_time(first.until_ms) + " if it is not renewed";
  if (told.waits.others > 0) text += ", and " + std::to_string(told.waits.others) + " more";
  return text;
}

void print_wait(const message::TaskTold& told) {
  std::string_view why = told.waits.text;
  for (const std::string_view heading : {"waits: ", "waits "})
    if (why.starts_with(heading)) why.remove_prefix(heading.size());
  print_row("waits", std::string(why));
  if (told.waits.until_ms != 0) print_row("until", local_time(told.waits.until_ms));
  print_row("held by", holder_text(told));
}

/// Of an actor, or a function of a driver's or a graph in code.
void print_work(const TaskSpec& spec) {
  if (const auto* function = std::get_if<FunctionWork>(&spec.work)) print_row("function", function->function);
  const auto* actor = std::get_if<ActorWork>(&spec.work);
  if (actor == nullptr) return;
  print_row("class", actor->type);
  if (actor->registers_name) print_row("found as", spec.name);
  if (actor->restart) print_row("keeps", actor->restart->mode == RestartMode::logged ? "its calls" : "checkpoints");
}

}  // namespace

void print_row(const char* name, const std::string& value) {
  if (!value.empty()) std::printf("%-12s %s\n", name, value.c_str());
}

void print_task(const TaskOwner& owner, const TaskRecord& task, const std::vector<TaskRecord>& tasks,
                const message::TaskTold* told) {
  const auto& [spec, progress] = task;
  print_row(spec.is_actor() ? "actor" : "task", spec.name);
  print_row("id", to_text(spec.id));
  print_row(owner.is_driver ? "driver" : "graph", owner.name + " (" + to_text(owner.id) + ")");
  print_row("state", told != nullptr && spec.is_actor() ? state_of_actor(told->summary) : to_text(progress.state));
  print_row("reason", progress.reason);
  if (told != nullptr) {
    print_wait(*told);
  } else {
    print_row("waits", why_waiting(task, tasks));
  }
  print_row("after", names_of(spec.after, tasks));
  if (spec.is_join()) return print_row("is", "a join: nothing runs, it is done when all that it comes after are");
  print_work(spec);
  if (told != nullptr) print_row("calls", calls_text(told->summary.calls));
  print_row("needs", describe(spec.needs));
  if (spec.priority != 0) print_row("priority", std::to_string(spec.priority));
  if (spec.gang)
    print_row("gang", "rank " + std::to_string(spec.gang->rank) + " of " + std::to_string(spec.gang->size));
  for (const auto& name : spec.locks) print_row("lock", name);
  for (const auto& need : spec.semaphores)
    print_row("semaphore", need.name + ", of " + std::to_string(need.permits) + " permits");
  if (spec.when) print_row("when", spec.when->text);
  if (spec.repeat)
    print_row("repeat", "while " + spec.repeat->condition.text + ", run " + std::to_string(progress.iteration + 1) +
                            " of " + std::to_string(spec.repeat->at_most) + " at most");
  if (progress.cached) print_row("cached", "its result was known");
  print_row("attempts", std::to_string(progress.attempts.size()) + " (" + std::to_string(progress.failed_attempts) +
                            " failed, at most " + std::to_string(spec.max_attempts) + ")");
  if (spec.timeout.count() > 0) print_row("timeout", duration_text(spec.timeout));
  if (!progress.attempts.empty()) print_row("wall", wall_text(wall_ms(progress)));
  if (const CommandWork* command = command_of(spec.work)) {
    print_row("command", quoted_words(command->argv));
    print_row("in", command->working_directory.empty() ? command->task_directory : command->working_directory);
    print_row("directory", command->task_directory);
  }
  print_row("result", first_line(progress.result, 2'000));
  for (const auto& attempt : progress.attempts) print_attempt(spec, attempt, owner.nodes);
}

}  // namespace troupe::cli
