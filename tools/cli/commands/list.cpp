#include "tools/cli/commands/list.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/cluster_report.h"
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

const std::vector<std::string> graph_filters{"graph", "state"};
const std::vector<std::string> task_filters{"graph", "state", "task", "node"};
const std::vector<std::string> node_filters{"node", "state"};
const std::vector<std::string> object_filters{"object", "state"};
const std::vector<std::string> lock_filters{"lock", "kind"};
const std::vector<std::string> queue_filters{"queue"};
const std::vector<std::string> later_kinds{"actors", "sweeps", "trials"};
constexpr const char* expected_kinds = "expected graphs, tasks, nodes, objects, locks or queues";

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

/// A graph is named by its name, the beginning of that with a * behind, its id, or the beginning of that.
bool is_graph(JobId id, const std::string& name, const std::string& text) {
  if (text.ends_with('*')) return name.starts_with(std::string_view(text).substr(0, text.size() - 1));
  return name == text || (text.size() >= 4 && to_text(id).starts_with(text));
}

/// By its id and its name, as far as the filters tell.
GraphSource::Wanted wanted_by(const std::vector<Filter>& filters) {
  if (std::none_of(filters.begin(), filters.end(), [](const Filter& filter) { return filter.first == "graph"; }))
    return {};
  return [&filters](JobId id, const std::string& name) {
    return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
      return filter.first != "graph" || is_graph(id, name, filter.second);
    });
  };
}

bool fits(const RunSummary& run, const std::vector<Filter>& filters, bool is_of_graphs) {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    if (filter.first == "graph") return is_graph(run.id, run.name, filter.second);
    return !is_of_graphs || to_text(run.state) == filter.second;
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

void print_count(const TaskCounts& counts, std::size_t left_out) {
  std::printf("%s%s\n", describe(counts).c_str(), left_out > 0 ? "; more were left out by --limit" : "");
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

int list_graphs(GraphSource& source, const ListCommand& command, const std::vector<Filter>& filters) {
  const auto runs = source.graphs(wanted_by(filters));
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

int list_tasks(GraphSource& source, const ListCommand& command, const std::vector<Filter>& filters) {
  const auto runs = source.graphs(wanted_by(filters));
  if (!runs) return fail(runs.error());
  const NodeNames& nodes = source.nodes();
  Table table({{"graph"}, {"task"}, {"state"}, {"attempts", true}, {"node"}, {"wall", true}, {"id"}});
  std::size_t rows = 0;
  bool is_cut = false;
  TaskCounts counts;
  int exit_code = exit_done;
  for (const auto& run : *runs) {
    if (!fits(run, filters, false)) continue;
    if (rows == command.limit) {
      is_cut = true;
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
    for (const auto& task : stored->tasks) {
      if (task.spec.is_join() || !fits(task, filters, nodes)) continue;
      if (rows == command.limit) {
        is_cut = true;
        break;
      }
      ++rows;
      ++counts[task.progress.state];
      if (command.json) {
        std::printf("%s\n", task_json({run.id, run.name, nodes}, task.spec.id, task.spec.name, task.progress).c_str());
      } else {
        table.add({run.name, task.spec.name, state_cell(to_text(task.progress.state)),
                   std::to_string(task.progress.attempts.size()), node_of(task.progress, nodes),
                   duration_text(std::chrono::milliseconds(wall_ms(task.progress, 0))), to_text(task.spec.id)});
      }
    }
  }
  if (!command.json) {
    table.print();
    print_count(counts, is_cut ? 1 : 0);
  }
  return exit_code;
}

}  // namespace

int list_command(const ListCommand& command) {
  const bool is_of_graphs = command.kind == "graphs";
  const bool is_of_nodes = command.kind == "nodes";
  const bool is_of_objects = command.kind == "objects";
  const bool is_of_locks = command.kind == "locks";
  const bool is_of_queues = command.kind == "queues";
  std::string wrong;
  if (std::find(later_kinds.begin(), later_kinds.end(), command.kind) != later_kinds.end()) {
    wrong = "'" + command.kind + "' is not in this version, " + expected_kinds;
  } else if (!is_of_graphs && !is_of_nodes && !is_of_objects && !is_of_locks && !is_of_queues &&
             command.kind != "tasks") {
    wrong = "found '" + command.kind + "', " + expected_kinds;
  }
  const auto filters = parse_filters(command, is_of_graphs    ? graph_filters
                                              : is_of_nodes   ? node_filters
                                              : is_of_objects ? object_filters
                                              : is_of_locks   ? lock_filters
                                              : is_of_queues  ? queue_filters
                                                              : task_filters);
  if (wrong.empty() && !filters) wrong = filters.error().message;
  if (!wrong.empty()) {
    complain("list", wrong);
    return exit_bad_input;
  }
  if (is_of_nodes) return list_nodes(command, *filters);
  if (is_of_objects) return list_objects(command, *filters);
  if (is_of_locks) return list_locks(command, *filters);
  if (is_of_queues) return list_queues(command, *filters);
  const auto source = choose_source(command.cluster);
  if (!source) return fail(source.error());
  return is_of_graphs ? list_graphs(**source, command, *filters) : list_tasks(**source, command, *filters);
}

}  // namespace troupe::cli
