#include "tools/cli/logs_found.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>
#include <utility>

#include "runtime/worker/task_log.h"
#include "tools/cli/cluster_choice.h"

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

/// Where a log of that name is, or would be.
std::string file_in(const std::vector<std::string>& folders, const std::string& name) {
  std::error_code error;
  for (const auto& folder : folders)
    if (fs::exists(folder + '/' + name, error)) return folder + '/' + name;
  return folders.empty() ? name : folders.front() + '/' + name;
}

}  // namespace

Result<LogFinder> LogFinder::choose(const std::string& cluster_option) {
  auto cluster = choose_cluster(cluster_option);
  if (!cluster) return cluster.error();
  auto source = *cluster ? graphs_of(**cluster) : runs_of_this_machine();
  return LogFinder(std::move(*cluster), std::move(source));
}

/// Of a cluster that stands each member has one; a private one has one beside its store.
std::vector<std::string> log_folders(const scheduler::ClusterFile& cluster) {
  std::vector<std::string> folders{cluster.folder + "/store/logs"};
  std::error_code error;
  for (const auto& member : fs::directory_iterator(cluster.folder + "/members", error))
    folders.push_back(member.path().string() + "/logs");
  return folders;
}

std::vector<std::string> LogFinder::folders(const std::string& run_folder) const {
  return cluster_ ? log_folders(*cluster_) : std::vector{run_folder + "/store/logs"};
}

Result<LogsFound> LogFinder::find(const std::string& id) {
  const auto found = find_in(*source_, id);
  if (found) return of_graph(*found);
  return found.error().fault == Fault::not_found ? of_driver(id, found.error()) : found.error();
}

LogsFound LogFinder::of_graph(const Found& found) const {
  LogsFound logs{.is_one_task = found.task.has_value(), .is_over = true, .attempts = {}};
  const auto folders = this->folders(found.graph.folder);
  for (const auto& [spec, progress] : found.stored.tasks) {
    if (spec.is_join() || (found.task && spec.id != *found.task)) continue;
    logs.is_over = logs.is_over && is_final(progress.state);
    for (const auto& attempt : progress.attempts) {
      std::string file = output_file(spec, attempt.id);
      if (file.empty()) file = file_in(folders, log_name({spec.id, attempt.id, spec.name}));
      logs.attempts.push_back({found.graph.name, spec.name, attempt.id, attempt.ended_ms != 0, std::move(file)});
    }
  }
  if (!cluster_) logs.is_over = logs.is_over || found.graph.state != RunState::running;
  return logs;
}

/// Of these nothing is in the store: the files say what there was, and the scheduler what there still is.
Result<LogsFound> LogFinder::of_driver(const std::string& id, const Error& unknown) {
  LiveWork* live = source_->live();
  auto task = task_id_from(id);
  JobId of{task ? task->job : JobId{hex_from(id).value_or(0)}};
  if (!of) {
    const auto named = live == nullptr ? Result<FoundLive>(unknown) : find_live(*live, id);
    if (!named) return named.error().fault == Fault::not_found ? unknown : named.error();
    of = named->job.job.id;
    if (named->task) task = named->task->task;
  }
  const auto is_meant = [&](TaskId each) { return task ? each == *task : each.job == of; };

  bool is_known = false;
  LogsFound logs{.is_one_task = task.has_value(), .is_over = true, .attempts = {}};
  if (live != nullptr) {
    const auto listed = live->tasks({.job = of});
    if (!listed) return listed.error();
    for (const auto& each : *listed) {
      if (!is_meant(each.task)) continue;
      is_known = true;
      logs.is_over = logs.is_over && is_final(each.state);
    }
  }
  std::vector<std::string> runs{{}};
  if (!cluster_) {
    runs.clear();
    for (const auto& run : list_runs()) runs.push_back(run.folder);
  }
  std::map<std::pair<TaskId, AttemptId>, AttemptLog> found;
  std::error_code error;
  for (const auto& run : runs)
    for (const auto& folder : folders(run))
      for (const auto& entry : fs::directory_iterator(folder, error))
        if (const auto owner = log_owner_from(entry.path().filename().string()); owner && is_meant(owner->task))
          found.emplace(std::pair(owner->task, owner->attempt),
                        AttemptLog{{}, owner->name, owner->attempt, logs.is_over, entry.path().string()});
  for (auto& [attempt, log] : found) logs.attempts.push_back(std::move(log));
  if (logs.attempts.empty() && !is_known)
    return Error{Fault::not_found, "there is no graph, task or actor '" + id +
                                       "' that printed anything (troupe list graphs and list tasks show ids)"};
  return logs;
}

}  // namespace troupe::cli
