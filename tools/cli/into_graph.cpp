#include "tools/cli/into_graph.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <utility>

namespace troupe::cli {
namespace {

constexpr std::chrono::milliseconds lock_limit{60'000};
constexpr std::chrono::milliseconds list_limit{30'000};
constexpr std::chrono::milliseconds submit_limit{120'000};

std::string text_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

/// Moves the tasks behind those that the graph has.
void renumber(std::vector<TaskSpec>& tasks, std::uint32_t by) {
  for (auto& task : tasks) {
    task.id.number += by;
    for (auto& before : task.after) before.number += by;
    for (auto& input : task.inputs) input.number += by;
    if (task.gang) task.gang->gang += by;
  }
}

void name_graph(std::vector<TaskSpec>& tasks, const std::string& graph) {
  for (auto& task : tasks)
    if (auto* command = command_of(task.work))
      for (auto& [name, value] : command->environment)
        if (name == "TROUPE_GRAPH") value = graph;
}

}  // namespace

Result<OwnTask> own_task() {
  const auto attempt = attempt_from(text_of("TROUPE_ATTEMPT_ID"));
  const std::string graph = text_of("TROUPE_GRAPH");
  const std::filesystem::path result = text_of("TROUPE_RESULT");
  if (!attempt || graph.empty() || !result.is_absolute())
    return bad_input(
        "--into-graph: found no TROUPE_ATTEMPT_ID, TROUPE_GRAPH and TROUPE_RESULT, expected to be started by a "
        "command of a graph: leave it out to submit a graph of its own");
  // FOLDER/tasks/NAME/result-…
  return OwnTask{attempt->first, graph, result.parent_path().parent_path().parent_path().string()};
}

Result<std::size_t> add_to_graph(Session& session, const OwnTask& own, const MakeTasks& make) {
  const JobId job = own.task.job;
  const auto lock = session.try_lock("troupe.into-graph." + to_text(job), {.limit = lock_limit});
  if (!lock) return lock.error();
  const auto known = session.core().list_tasks(job, list_limit);
  if (!known) return known.error();
  std::set<std::string_view> names;
  std::uint32_t highest = 0;
  for (const auto& task : *known) {
    names.insert(task.name);
    highest = std::max(highest, task.task.number);
  }
  auto tasks = make(job, own.folder);
  for (const auto& task : tasks)
    if (names.contains(task.name))
      return bad_input("graph '" + own.graph + "' has a task '" + task.name + "' already: name the new one otherwise");
  renumber(tasks, highest);
  name_graph(tasks, own.graph);
  const auto count = static_cast<std::size_t>(
      std::count_if(tasks.begin(), tasks.end(), [](const TaskSpec& task) { return !task.is_join(); }));
  const JobInfo info{.id = job, .name = own.graph, .durable = true};
  if (auto added = session.core().submit_job(info, std::move(tasks), submit_limit, own.task); !added)
    return added.error();
  return count;
}

}  // namespace troupe::cli
