#include "tools/cli/commands/cancel.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "scheduler/local/standing.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/graph_source.h"
#include "tools/cli/output.h"

namespace troupe::cli {
namespace {

constexpr std::chrono::milliseconds cancel_limit{60'000};

/// What an id names, of that what has not ended.
Result<std::vector<TaskId>> open_tasks(GraphSource& source, const std::string& id) {
  const auto found = find_in(source, id);
  if (!found) return found.error();
  std::vector<TaskId> open;
  for (const auto& task : found->stored.tasks) {
    // Of a graph the tasks that its file tells of: joins end with them.
    const bool is_meant = found->task ? *found->task == task.spec.id : !task.spec.is_join();
    if (is_meant && !is_final(task.progress.state)) open.push_back(task.spec.id);
  }
  return open;
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
  std::vector<TaskId> tasks;
  for (const auto& id : command.ids) {
    const auto open = open_tasks(*source, id);
    if (!open) return fail(open.error());
    tasks.insert(tasks.end(), open->begin(), open->end());
  }
  auto session = scheduler::connect(*cluster);
  if (!session) return fail(session.error());
  if (auto cancelled = session->core().cancel_all(tasks, cancel_limit); !cancelled) return fail(cancelled.error());
  if (command.json) {
    std::printf("{\"cancelled\":%zu}\n", tasks.size());
  } else {
    std::printf("%zu %s cancelled\n", tasks.size(), tasks.size() == 1 ? "task" : "tasks");
  }
  return exit_done;
}

}  // namespace troupe::cli
