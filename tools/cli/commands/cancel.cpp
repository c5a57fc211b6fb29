#include "tools/cli/commands/cancel.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/graph_source.h"
#include "tools/cli/live_work.h"
#include "tools/cli/output.h"

namespace troupe::cli {
namespace {

constexpr std::chrono::milliseconds cancel_limit{60'000};

struct Open {
  std::vector<TaskId> stored;
  std::vector<TaskId> drivers;
};

/// Of what a driver owns. `unknown`: what is to be said where it owns nothing of that name either.
Result<void> add_drivers(LiveWork& live, const std::string& id, const Error& unknown, Open& open) {
  const auto found = find_live(live, id);
  if (!found && found.error().fault == Fault::not_found && id.find('/') != id.npos) return unknown;
  if (!found && found.error().fault == Fault::not_found)
    return Error{Fault::not_found, "there is no graph, job, task or actor '" + id +
                                       "' that has not ended (troupe list graphs, jobs, tasks, actors show them)"};
  if (!found) return found.error();
  const auto tasks = found->task ? std::vector{*found->task} : live.tasks({.job = found->job.job.id});
  if (!tasks) return tasks.error();
  for (const auto& task : *tasks)
    if (!is_final(task.state)) open.drivers.push_back(task.task);
  return {};
}

/// What an id names, of that what has not ended.
Result<void> add_open(GraphSource& source, const std::string& id, Open& open) {
  const auto found = find_in(source, id);
  if (!found && found.error().fault == Fault::not_found) return add_drivers(*source.live(), id, found.error(), open);
  if (!found) return found.error();
  for (const auto& task : found->stored.tasks) {
    // Of a graph the tasks that its file tells of: joins end with them.
    const bool is_meant = found->task ? *found->task == task.spec.id : !task.spec.is_join();
    if (is_meant && !is_final(task.progress.state)) open.stored.push_back(task.spec.id);
  }
  return {};
}

}  // namespace

int cancel_command(const CancelCommand& command) {
  const auto fail = [](const Error& error) {
    complain("cancel", error.message);
    return exit_code_of(error);
  };
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  const auto source = graphs_of(*cluster);
  Open open;
  for (const auto& id : command.ids)
    if (auto added = add_open(*source, id, open); !added) return fail(added.error());
  const auto core = source->live()->core();
  if (!core) return fail(core.error());
  if (auto ended = (*core)->cancel_all(open.stored, cancel_limit); !ended) return fail(ended.error());
  // What of these has ended since is forgotten, and so refused.
  if (auto ended = (*core)->cancel_all(open.drivers, cancel_limit); !ended && ended.error().fault != Fault::refused)
    return fail(ended.error());
  const std::size_t count = open.stored.size() + open.drivers.size();
  if (command.json) {
    std::printf("{\"cancelled\":%zu}\n", count);
  } else {
    std::printf("%zu %s cancelled\n", count, count == 1 ? "task" : "tasks");
  }
  return exit_done;
}

}  // namespace troupe::cli
