#include "tools/cli/commands/list_live.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/live_work.h"
#include "tools/cli/output.h"
#include "tools/cli/task_report.h"

namespace troupe::cli {
namespace {

using message::JobSummary;
using message::TaskSummary;

int fail(const Error& error) {
  complain("list", error.message);
  return exit_code_of(error);
}

/// `2 actors: 1 running, 1 waiting`
void print_count(std::size_t rows, const char* what, const std::map<std::string, std::size_t>& states, bool is_cut) {
  std::string line = std::to_string(rows) + ' ' + what + (rows == 1 ? "" : "s");
  const char* separator = ": ";
  for (const auto& [state, count] : states) {
    line += separator + std::to_string(count) + ' ' + state;
    separator = ", ";
  }
  std::printf("%s%s\n", line.c_str(), is_cut ? "; more were left out by --limit" : "");
}

std::string node_of(const TaskSummary& actor, const NodeNames& nodes) {
  return actor.state == TaskState::running ? nodes.of(actor.node) : "-";
}

bool fits(const JobSummary& job, const std::vector<Filter>& filters) {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    return filter.first != "job" || is_job(job.job.id, job.job.name, filter.second);
  });
}

bool fits(const TaskSummary& actor, const std::vector<Filter>& filters, const NodeNames& nodes) {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    const auto& [key, value] = filter;
    if (key == "actor") return actor.name == value;
    if (key == "class") return actor.work == value;
    if (key == "state") return state_of_actor(actor) == value;
    return key != "node" || node_of(actor, nodes) == value;
  });
}

}  // namespace

int list_actors(const ListCommand& command, const std::vector<Filter>& filters) {
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  LiveWork live(*cluster);
  const auto jobs = live.jobs();
  if (!jobs) return fail(jobs.error());
  Table table({{"actor"},
               {"class"},
               {"state"},
               {"node"},
               {"restarts", true},
               {"answered", true},
               {"runs"},
               {"rank", true},
               {"job"},
               {"lifetime"},
               {"id"}});
  std::size_t rows = 0;
  bool is_cut = false;
  std::map<std::string, std::size_t> states;
  for (const auto& job : *jobs) {
    if (job.actors == 0 || !fits(job, filters)) continue;
    const auto actors = live.tasks({.job = job.job.id, .only_actors = true, .with_attempts = command.json});
    if (!actors) return fail(actors.error());
    const TaskOwner owner{job.job.id, job.job.name, live.nodes(), is_drivers(job)};
    for (const auto& actor : *actors) {
      if (!fits(actor, filters, owner.nodes)) continue;
      is_cut = rows == command.limit;
      if (is_cut) break;
      ++rows;
      ++states[state_of_actor(actor)];
      if (command.json) {
        std::printf("%s\n", actor_json(owner, actor).c_str());
        continue;
      }
      const std::string rank =
          actor.gang ? std::to_string(actor.gang->rank) + " of " + std::to_string(actor.gang->size) : "";
      table.add({actor.name, actor.work, state_cell(state_of_actor(actor)), node_of(actor, owner.nodes),
                 std::to_string(restarts_of(actor)), actor.calls ? std::to_string(actor.calls->answered) : "-",
                 actor.calls ? actor.calls->method : "", rank, owner.name, owner.is_driver ? "job" : "detached",
                 to_text(actor.task)});
    }
    if (is_cut) break;
  }
  if (command.json) return exit_done;
  table.print();
  print_count(rows, "actor", states, is_cut);
  return exit_done;
}

int list_jobs(const ListCommand& command, const std::vector<Filter>& filters) {
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  LiveWork live(*cluster);
  const auto jobs = live.jobs();
  if (!jobs) return fail(jobs.error());
  Table table = job_table();
  std::size_t rows = 0;
  bool is_cut = false;
  std::map<std::string, std::size_t> states;
  for (const auto& job : *jobs) {
    const bool is_wanted = fits(job, filters) && std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
                             if (filter.first == "kind") return filter.second == kind_of(job);
                             return filter.first != "state" || filter.second == to_text(state_of(job));
                           });
    if (!is_wanted) continue;
    is_cut = rows == command.limit;
    if (is_cut) break;
    ++rows;
    ++states[to_text(state_of(job))];
    if (command.json) {
      std::printf("%s\n", job_json(job).c_str());
    } else {
      add_job(table, job);
    }
  }
  if (command.json) return exit_done;
  table.print();
  print_count(rows, "job", states, is_cut);
  return exit_done;
}

}  // namespace troupe::cli
