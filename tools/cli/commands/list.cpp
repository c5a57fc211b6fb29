#include "tools/cli/commands/list.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/cluster_report.h"
#include "tools/cli/commands/list_live.h"
#include "tools/cli/commands/list_objects.h"
#include "tools/cli/commands/list_sync.h"
#include "tools/cli/did_you_mean.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/graph_source.h"
#include "tools/cli/output.h"
#include "tools/cli/run_store.h"
#include "tools/cli/task_report.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

const std::vector<std::string> later_kinds{"sweeps", "trials"};

Result<std::vector<Filter>> parse_filters(const ListCommand& command, const std::vector<std::string>& known) {
  std::vector<Filter> filters;
  for (const auto& text : command.filters) {
    const std::size_t equals = text.find('=');
    const std::string key = text.substr(0, equals);
    if (equals == text.npos) return bad_input("--filter: found '" + text + "', expected KEY=VALUE");
    if (std::find(known.begin(), known.end(), key) == known.end())
      return bad_input("--filter: unknown key '" + key + "'" + did_you_mean(key, known) + ", expected " +
                       one_of(known));
    filters.emplace_back(key, text.substr(equals + 1));
  }
  return filters;
}

bool names_job(const Filter& filter) { return filter.first == "graph" || filter.first == "job"; }

/// By its id and its name, as far as the filters tell.
GraphSource::Wanted wanted_by(const std::vector<Filter>& filters) {
  if (std::none_of(filters.begin(), filters.end(), names_job)) return {};
  return [&filters](JobId id, const std::string& name) {
    return std::all_of(filters.begin(), filters.end(),
                       [&](const Filter& filter) { return !names_job(filter) || is_job(id, name, filter.second); });
  };
}

bool fits(const RunSummary& run, const std::vector<Filter>& filters, bool is_of_graphs) {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    if (names_job(filter)) return is_job(run.id, run.name, filter.second);
    return !is_of_graphs || to_text(run.state) == filter.second;
  });
}

/// A driver's job is no graph.
bool fits(const message::JobSummary& job, const std::vector<Filter>& filters) {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    return filter.first != "graph" && (filter.first != "job" || is_job(job.job.id, job.job.name, filter.second));
  });
}

/// `train` is also `train[0]` and all others of its entry.
bool is_task(const std::string& name, const std::string& text) {
  return name == text || (name.starts_with(text) && name[text.size()] == '[');
}

bool fits(const scheduler::TaskRecord& task, const std::vector<Filter>& filters, const NodeNames& nodes) {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    if (filter.first == "state") return to_text(task.progress.state) == filter.second;
    if (filter.first == "task") return is_task(task.spec.name, filter.second);
    return filter.first != "node" || node_of(task.progress, nodes) == filter.second;
  });
}

int fail(const Error& error) {
  complain("list", error.message);
  return exit_code_of(error);
}

int list_nodes(const ListCommand& command, const std::vector<Filter>& filters) {
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  const auto status = status_of(*cluster);
  if (!status) return fail(status.error());
  Table table = node_table();
  std::size_t rows = 0;
  for (const auto& node : status->nodes) {
    const bool fits = std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
      return filter.second == (filter.first == "node" ? node.name : state_of(node));
    });
    if (!fits || rows == command.limit) continue;
    ++rows;
    if (command.json) {
      std::printf("%s\n", node_json(node).c_str());
    } else {
      add_node(table, node);
    }
  }
  if (!command.json) table.print();
  return exit_done;
}

int list_graphs(const ListCommand& command, const std::vector<Filter>& filters) {
  const auto source = choose_source(command.cluster);
  if (!source) return fail(source.error());
  const auto runs = (*source)->graphs(wanted_by(filters));
  if (!runs) return fail(runs.error());
  Table table({{"graph"}, {"id"}, {"state"}, {"tasks", true}, {"done", true}, {"started"}, {"wall", true}});
  std::size_t rows = 0;
  std::size_t left_out = 0;
  std::array<std::size_t, 5> counts{};
  for (const auto& run : *runs) {
    if (!fits(run, filters, true)) continue;
    if (rows == command.limit) {
      ++left_out;
      continue;
    }
    ++rows;
    ++counts[static_cast<std::size_t>(run.state)];
    if (command.json) {
      std::printf("%s\n", run_json(run).c_str());
      continue;
    }
    const bool is_over = run.started_ms != 0 && run.ended_ms != 0;
    const std::string wall = is_over ? duration_text(std::chrono::milliseconds(run.wall_ms())) : "-";
    table.add({run.name, to_text(run.id), state_cell(to_text(run.state)), std::to_string(run.tasks.sum()),
               std::to_string(run.tasks[TaskState::done]), local_time(run.started_ms), wall});
  }
  if (command.json) return exit_done;
  table.print();
  std::string line = std::to_string(rows) + (rows == 1 ? " graph" : " graphs");
  const char* separator = ": ";
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    line += separator + std::to_string(counts[i]) + ' ' + to_text(static_cast<RunState>(i));
    separator = ", ";
  }
  std::printf("%s%s\n", line.c_str(), left_out > 0 ? "; more were left out by --limit" : "");
  return exit_done;
}

/// Prints tasks, as many as were asked for.
class TaskRows {
 public:
  TaskRows(const ListCommand& command, const std::vector<Filter>& filters) : command_(command), filters_(filters) {}

  bool is_full() const { return rows_ == command_.limit; }
  void leave_out() { is_cut_ = true; }
  /// Of one job; false: there were more.
  bool add(const TaskOwner& owner, const std::vector<scheduler::TaskRecord>& tasks) {
    for (const auto& task : tasks) {
      if (task.spec.is_join() || !fits(task, filters_, owner.nodes)) continue;
      if (is_full()) {
        is_cut_ = true;
        return false;
      }
      ++rows_;
      ++counts_[task.progress.state];
      if (command_.json) {
        std::printf("%s\n", task_json(owner, task).c_str());
        continue;
      }
      table_.add({owner.name, task.spec.name, state_cell(to_text(task.progress.state)),
                  std::to_string(task.progress.attempts.size()), node_of(task.progress, owner.nodes),
                  duration_text(std::chrono::milliseconds(wall_ms(task.progress))), to_text(task.spec.id)});
    }
    return true;
  }
  void end() const {
    if (command_.json) return;
    table_.print();
    std::printf("%s%s\n", describe(counts_).c_str(), is_cut_ ? "; more were left out by --limit" : "");
  }

 private:
  const ListCommand& command_;
  const std::vector<Filter>& filters_;
  Table table_{{{"job"}, {"task"}, {"state"}, {"attempts", true}, {"node"}, {"wall", true}, {"id"}}};
  std::size_t rows_ = 0;
  bool is_cut_ = false;
  TaskCounts counts_;
};

/// The tasks of drivers; their actors are a list of their own.
Result<void> add_live(LiveWork& live, const std::vector<Filter>& filters, TaskRows& rows) {
  const auto jobs = live.jobs();
  if (!jobs) return jobs.error();
  for (const auto& job : *jobs) {
    if (!is_drivers(job) || counts_of(job).sum() == job.actors || !fits(job, filters)) continue;
    const TaskOwner owner{job.job.id, job.job.name, live.nodes(), true};
    bool goes_on = true;
    auto listed = live.tasks({.job = owner.id, .with_attempts = true}, [&](std::vector<message::TaskSummary>&& some) {
      std::vector<scheduler::TaskRecord> records;
      for (const auto& task : some)
        if (task.kind != message::WorkKind::actor) records.push_back(record_of(task));
      goes_on = rows.add(owner, records);
      return goes_on;
    });
    if (!listed) return listed.error();
    if (!goes_on) break;
  }
  return {};
}

int list_tasks(const ListCommand& command, const std::vector<Filter>& filters) {
  const auto chosen = choose_source(command.cluster);
  if (!chosen) return fail(chosen.error());
  GraphSource& source = **chosen;
  TaskRows rows(command, filters);
  if (source.live() != nullptr)
    if (auto added = add_live(*source.live(), filters, rows); !added) return fail(added.error());
  const auto runs = source.graphs(wanted_by(filters));
  if (!runs) return fail(runs.error());
  const NodeNames& nodes = source.nodes();
  int exit_code = exit_done;
  for (const auto& run : *runs) {
    if (!fits(run, filters, false)) continue;
    if (rows.is_full()) {
      rows.leave_out();
      break;
    }
    const auto stored = source.open(run);
    if (!stored) {
      // A run that ended before its store had anything.
      if (stored.error().fault == Fault::not_found) continue;
      complain("list", run.name + " (" + to_text(run.id) + "): " + stored.error().message);
      exit_code = exit_no_cluster;
      continue;
    }
    rows.add({run.id, run.name, nodes}, stored->tasks);
  }
  rows.end();
  return exit_code;
}

struct Kind {
  const char* name;
  std::vector<std::string> filters;
  int (*list)(const ListCommand& command, const std::vector<Filter>& filters);
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"graphs", {"graph", "state"}, list_graphs},
      {"tasks", {"graph", "job", "state", "task", "node"}, list_tasks},
      {"actors", {"actor", "class", "state", "node", "job"}, list_actors},
      {"jobs", {"job", "kind", "state"}, list_jobs},
      {"nodes", {"node", "state"}, list_nodes},
      {"objects", {"object", "state"}, list_objects},
      {"locks", {"lock", "kind"}, list_locks},
      {"queues", {"queue"}, list_queues},
  };
  return all;
}

std::string what_is_wrong_with(const std::string& kind) {
  const bool is_later = std::find(later_kinds.begin(), later_kinds.end(), kind) != later_kinds.end();
  std::string known;
  for (std::size_t i = 0; i < kinds().size(); ++i)
    known += (i == 0 ? "" : i + 1 == kinds().size() ? " or " : ", ") + std::string(kinds()[i].name);
  return (is_later ? "'" + kind + "' is not in this version, expected " : "found '" + kind + "', expected ") + known;
}

}  // namespace

bool is_job(JobId id, const std::string& name, const std::string& text) {
  if (text.ends_with('*')) return name.starts_with(std::string_view(text).substr(0, text.size() - 1));
  return name == text || (text.size() >= 4 && to_text(id).starts_with(text));
}

int list_command(const ListCommand& command) {
  const auto kind =
      std::find_if(kinds().begin(), kinds().end(), [&](const Kind& each) { return each.name == command.kind; });
  if (kind == kinds().end()) {
    complain("list", what_is_wrong_with(command.kind));
    return exit_bad_input;
  }
  const auto filters = parse_filters(command, kind->filters);
  return filters ? kind->list(command, *filters) : fail(filters.error());
}

}  // namespace troupe::cli
