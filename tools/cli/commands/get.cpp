#include "tools/cli/commands/get.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>
#include <vector>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/commands/get_node.h"
#include "tools/cli/commands/get_task.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/graph_source.h"
#include "tools/cli/output.h"
#include "tools/cli/run_store.h"
#include "tools/cli/task_report.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using scheduler::TaskRecord;

std::string wall_text(std::int64_t ms) { return duration_text(std::chrono::milliseconds(ms)); }

/// Of a graph or a driver's job; those of drivers often have the same names, so they have their ids.
void print_tasks(const std::vector<TaskRecord>& tasks, const NodeNames& nodes, bool with_ids) {
  std::printf("\n");
  Table table({{"task"}, {"state"}, {"attempts", true}, {"node"}, {"wall", true}, {"id"}, {"cause"}});
  for (const auto& task : tasks)
    if (!task.spec.is_join())
      table.add({task.spec.name, state_cell(to_text(task.progress.state)),
                 std::to_string(task.progress.attempts.size()), node_of(task.progress, nodes),
                 wall_text(wall_ms(task.progress)), with_ids ? to_text(task.spec.id) : "",
                 first_line(cause_of(task.progress))});
  table.print();
  std::printf("%s\n", describe(count_states(tasks)).c_str());
}

void print_run(const RunSummary& run, const std::vector<TaskRecord>& tasks, const NodeNames& nodes) {
  print_row("graph", run.name);
  print_row("id", to_text(run.id));
  print_row("state", to_text(run.state));
  print_row("started", local_time(run.started_ms));
  if (run.ended_ms != 0) print_row("ended", local_time(run.ended_ms) + ", after " + wall_text(run.wall_ms()));
  print_row("folder", run.folder);
  print_tasks(tasks, nodes, false);
}

int fail(const Error& error) {
  complain("get", error.message);
  return exit_code_of(error);
}

/// What the scheduler says of a task that has not ended; nothing where there is none to ask, or it does not know it.
std::optional<message::TaskTold> ask_about(LiveWork* live, const TaskRecord& task) {
  if (live == nullptr || is_final(task.progress.state)) return std::nullopt;
  auto told = live->task(task.spec.id);
  return told ? std::move(*told) : std::nullopt;
}

int tell_stored(GraphSource& source, const Found& found, const GetCommand& command) {
  const NodeNames& nodes = source.nodes();
  const auto& run = found.graph;
  const auto& tasks = found.stored.tasks;
  if (!found.task) {
    command.json ? void(std::printf("%s\n", run_json(run, tasks, nodes).c_str())) : print_run(run, tasks, nodes);
    return exit_done;
  }
  const auto task =
      std::find_if(tasks.begin(), tasks.end(), [&](const TaskRecord& each) { return each.spec.id == *found.task; });
  const auto told = ask_about(source.live(), *task);
  const TaskOwner owner{run.id, run.name, nodes};
  if (command.json && told && task->spec.is_actor()) {
    std::printf("%s\n", actor_json(owner, told->summary, &*told).c_str());
  } else if (command.json) {
    std::printf("%s\n", task_json(owner, *task, told ? &*told : nullptr).c_str());
  } else {
    print_task(owner, *task, tasks, told ? &*told : nullptr);
  }
  return exit_done;
}

int tell_job(LiveWork& live, const message::JobSummary& job, const GetCommand& command) {
  auto tasks = live.tasks({.job = job.job.id, .with_attempts = true});
  if (!tasks) return fail(tasks.error());
  if (command.json) {
    std::printf("%s\n", job_json(job, *tasks, live.nodes()).c_str());
    return exit_done;
  }
  print_row("job", job.job.name);
  print_row("id", to_text(job.job.id));
  print_row("kind", kind_of(job));
  print_row("state", to_text(state_of(job)));
  if (job.since_ms != 0) print_row("since", local_time(job.since_ms));
  print_row("program", job.job.program);
  std::vector<TaskRecord> records;
  for (const auto& task : *tasks) records.push_back(record_of(task));
  print_tasks(records, live.nodes(), true);
  return exit_done;
}

int tell_live(LiveWork& live, const FoundLive& found, const GetCommand& command) {
  if (!found.task) return tell_job(live, found.job, command);
  const auto told = live.task(found.task->task);
  if (!told) return fail(told.error());
  if (!*told) return fail({Fault::not_found, "it has ended meanwhile: the scheduler knows nothing of it any more"});
  const TaskOwner owner{found.job.job.id, found.job.job.name, live.nodes(), is_drivers(found.job)};
  const TaskRecord task = record_of(**told);
  if (!command.json) {
    std::vector<TaskRecord> before;
    for (const auto& each : (*told)->before) before.push_back(record_of(each));
    print_task(owner, task, before, &**told);
  } else if (task.spec.is_actor()) {
    std::printf("%s\n", actor_json(owner, (*told)->summary, &**told).c_str());
  } else {
    std::printf("%s\n", task_json(owner, task, &**told).c_str());
  }
  return exit_done;
}

/// Of what no graph is called: what drivers own, nodes, objects. `unknown`: why it is no graph's.
int get_other(LiveWork& live, const Error& unknown, const GetCommand& command) {
  const auto found = find_live(live, command.id);
  if (found) return tell_live(live, *found, command);
  if (found.error().fault != Fault::not_found) return fail(found.error());
  if (command.id.find('/') != std::string::npos) return fail(unknown);
  for (const auto& told :
       {print_node(live, command.id, command.json), print_object(live.cluster(), command.id, command.json)}) {
    if (!told) return fail(told.error());
    if (*told) return exit_done;
  }
  return fail({Fault::not_found, "there is no graph, job, task, actor, node or object '" + command.id +
                                     "' (troupe list shows those there are; a task is named GRAPH/TASK or JOB/TASK, "
                                     "and of what drivers own what has ended is forgotten)"});
}

}  // namespace

int get_command(const GetCommand& command) {
  const auto source = choose_source(command.cluster);
  if (!source) return fail(source.error());
  const auto found = find_in(**source, command.id);
  if (found) return tell_stored(**source, *found, command);
  LiveWork* live = (*source)->live();
  if (live == nullptr || found.error().fault != Fault::not_found) return fail(found.error());
  return get_other(*live, found.error(), command);
}

}  // namespace troupe::cli
