#include "tools/cli/commands/timeline.h"

#include <string.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/agent/recent_attempts.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/graph_source.h"
#include "tools/cli/logs_found.h"
#include "tools/cli/output.h"
#include "tools/cli/trace.h"

namespace troupe::cli {
namespace {

using scheduler::TaskRecord;

/// Whose attempts are shown: a graph's or a driver's, or those of one of its tasks, or (no id) a whole cluster's.
struct Subject {
  JobId id;
  std::string name;
  bool is_driver = false;
  std::optional<TaskId> task;
  std::vector<TaskRecord> tasks;
  bool has_needs = false;  // The store tells them; neither a list of the scheduler's nor what nodes have noted does.

  bool takes(TaskId each) const { return !id || (task ? each == *task : each.job == id); }
};

/// What its nodes have noted, besides what is in the subject already.
void add_recent(const scheduler::ClusterFile& cluster, Subject& subject) {
  std::map<TaskId, std::size_t> places;
  for (std::size_t i = 0; i < subject.tasks.size(); ++i) places.emplace(subject.tasks[i].spec.id, i);
  for (const auto& folder : log_folders(cluster))
    for (const auto& each : RecentAttempts::read(folder)) {
      if (!subject.takes(each.task)) continue;
      const auto [place, is_new] = places.try_emplace(each.task, subject.tasks.size());
      if (is_new) {
        subject.tasks.emplace_back();
        subject.tasks.back().spec.id = each.task;
        subject.tasks.back().spec.name = each.name;
      }
      auto& attempts = subject.tasks[place->second].progress.attempts;
      const bool is_known = std::any_of(attempts.begin(), attempts.end(),
                                        [&](const AttemptRecord& known) { return known.id == each.attempt; });
      if (!is_known)
        attempts.push_back({.id = each.attempt,
                            .node = each.node,
                            .started_ms = each.started_ms,
                            .ended_ms = each.ended_ms,
                            .end = each.end});
    }
}

Result<void> add_live(LiveWork& live, const message::AskTasks& wanted, Subject& subject) {
  const auto tasks = live.tasks(wanted);
  if (!tasks) return tasks.error();
  for (const auto& task : *tasks) subject.tasks.push_back(record_of(task));
  return {};
}

/// What runs on its nodes, and what has ended there of late.
Result<Subject> of_cluster(LiveWork* live) {
  if (live == nullptr)
    return Error{Fault::unavailable, "no cluster runs on this machine: name a graph (troupe list graphs shows those)"};
  Subject subject;
  const auto status = live->status();
  if (!status) return status.error();
  for (const auto& node : status->nodes)
    if (auto added = add_live(*live, {.with_attempts = true, .node = node.node}, subject); !added) return added.error();
  add_recent(live->cluster(), subject);
  return subject;
}

/// What the scheduler still knows of it, and what its nodes do. `unknown`: why it is no graph's.
Result<Subject> of_driver(LiveWork& live, const std::string& id, const Error& unknown) {
  Subject subject{.name = id, .is_driver = true};
  const auto found = find_live(live, id);
  if (!found && found.error().fault != Fault::not_found) return found.error();
  if (found) {
    subject.id = found->job.job.id;
    subject.name = found->job.job.name;
    if (found->task) subject.task = found->task->task;
    if (auto added = add_live(live, {.job = subject.id, .with_attempts = true}, subject); !added) return added.error();
  } else {
    const auto job = hex_from(id);
    subject.task = task_id_from(id);
    subject.id = subject.task ? subject.task->job : JobId{job.value_or(0)};
    if (!subject.id) return unknown;
  }
  add_recent(live.cluster(), subject);
  return subject.tasks.empty() ? Result<Subject>(unknown) : std::move(subject);
}

Result<Subject> find_subject(GraphSource& source, const std::string& id) {
  if (id.empty()) return of_cluster(source.live());
  auto found = find_in(source, id);
  if (found)
    return Subject{.id = found->graph.id,
                   .name = found->graph.name,
                   .task = found->task,
                   .tasks = std::move(found->stored.tasks),
                   .has_needs = true};
  if (found.error().fault != Fault::not_found || source.live() == nullptr) return found.error();
  return of_driver(*source.live(), id, found.error());
}

}  // namespace

int timeline_command(const TimelineCommand& command) {
  const auto fail = [](const Error& error) {
    complain("timeline", error.message);
    return exit_code_of(error);
  };
  const auto source = choose_source(command.cluster);
  if (!source) return fail(source.error());
  const auto subject = find_subject(**source, command.id);
  if (!subject) return fail(subject.error());

  const bool to_file = !command.file.empty();
  std::FILE* out = to_file ? std::fopen(command.file.c_str(), "we") : stdout;
  const auto cannot_write = [&] {
    return fail(bad_input("-o: found '" + command.file +
                          "', expected the name of a file that can be written: " + ::strerror(errno)));
  };
  if (out == nullptr) return cannot_write();
  const TaskOwner owner{subject->id, subject->name, (*source)->nodes(), subject->is_driver};
  const auto counts = write_trace(owner, subject->tasks, {subject->task, subject->has_needs},
                                  [&](const std::string& text) { std::fwrite(text.data(), 1, text.size(), out); });
  const bool is_whole = std::ferror(out) == 0;
  if ((to_file ? std::fclose(out) : std::fflush(out)) != 0 || !is_whole)
    return to_file ? cannot_write() : exit_work_failed;
  if (!to_file || command.quiet) return exit_done;
  if (command.json) {
    const nlohmann::ordered_json made{{"file", command.file}, {"attempts", counts.attempts}, {"nodes", counts.nodes}};
    std::printf("%s\n", made.dump().c_str());
  } else {
    std::printf("%s: %zu attempts on %zu nodes (ui.perfetto.dev opens it)\n", command.file.c_str(), counts.attempts,
                counts.nodes);
  }
  return exit_done;
}

}  // namespace troupe::cli
