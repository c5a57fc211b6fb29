#include "tools/cli/graph_source.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "scheduler/local/places.h"
#include "scheduler/store/redis_load.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/did_you_mean.h"

namespace troupe::cli {
namespace {

using scheduler::ClusterFile;
using scheduler::StoredState;

constexpr std::size_t least_prefix = 4;

class RunsOfThisMachine final : public GraphSource {
 public:
  Result<std::vector<RunSummary>> graphs(const Wanted&) override { return list_runs(); }
  Result<StoredState> open(const RunSummary& graph) override { return open_run(graph); }
  const NodeNames& nodes() override { return nodes_; }

 private:
  const NodeNames nodes_;
};

class GraphsOfCluster final : public GraphSource {
 public:
  explicit GraphsOfCluster(const ClusterFile& cluster) : cluster_(cluster), live_(cluster) {}

  Result<std::vector<RunSummary>> graphs(const Wanted& wanted) override {
    std::function<bool(const JobInfo&)> is_wanted;
    if (wanted) is_wanted = [&](const JobInfo& job) { return wanted(job.id, job.name); };
    auto stored = scheduler::read_live_store(scheduler::redis_socket(cluster_.directory()), is_wanted);
    if (!stored) return stored.error();
    tasks_.clear();
    std::vector<RunSummary> graphs;
    for (auto& job : stored->jobs) {
      tasks_[job.id].jobs = {job};
      graphs.push_back({.id = job.id, .name = job.name, .folder = graph_folder(cluster_, job.id)});
    }
    for (auto& task : stored->tasks) tasks_[task.spec.id.job].tasks.push_back(std::move(task));
    for (auto& graph : graphs) summarise(graph, tasks_.at(graph.id).tasks);
    for (const auto& summary : stored->summaries) {
      tasks_[summary.job.id].jobs = {summary.job};
      graphs.push_back(from_summary(summary));
    }
    std::stable_sort(graphs.begin(), graphs.end(),
                     [](const RunSummary& a, const RunSummary& b) { return a.started_ms > b.started_ms; });
    return graphs;
  }

  Result<StoredState> open(const RunSummary& graph) override { return tasks_.at(graph.id); }

  const NodeNames& nodes() override { return live_.nodes(); }
  LiveWork* live() override { return &live_; }

 private:
  RunSummary from_summary(const scheduler::GraphSummary& summary) const {
    RunSummary graph{.id = summary.job.id,
                     .name = summary.job.name,
                     .folder = graph_folder(cluster_, summary.job.id),
                     .started_ms = summary.started_ms,
                     .ended_ms = summary.ended_ms};
    for (std::size_t i = 0; i < std::min(summary.tasks.size(), graph.tasks.counts.size()); ++i)
      graph.tasks.counts[i] = summary.tasks[i];
    graph.state = run_state_of(graph.tasks);
    return graph;
  }

  static void summarise(RunSummary& graph, const std::vector<scheduler::TaskRecord>& tasks) {
    graph.tasks = count_states(tasks);
    if (graph.tasks.all_final()) graph.state = run_state_of(graph.tasks);
    for (const auto& task : tasks) {
      for (const auto& attempt : task.progress.attempts) {
        if (graph.started_ms == 0 || attempt.started_ms < graph.started_ms) graph.started_ms = attempt.started_ms;
        if (graph.state != RunState::running) graph.ended_ms = std::max(graph.ended_ms, attempt.ended_ms);
      }
    }
  }

  const ClusterFile cluster_;
  std::map<JobId, StoredState> tasks_;
  LiveWork live_;
};

/// The graph that the text names, and of which task; empty: of none in particular. Names may have slashes: those of
/// actors in a name space do.
Result<std::pair<RunSummary, std::string>> find_graph_and_task(GraphSource& source, const std::string& id) {
  auto graph = find_graph(source, id);
  if (graph) return std::pair(*std::move(graph), std::string());
  std::optional<Error> unknown;
  for (std::size_t slash = id.find('/'); slash != id.npos; slash = id.find('/', slash + 1)) {
    auto before = find_graph(source, id.substr(0, slash));
    if (before) return std::pair(*std::move(before), id.substr(slash + 1));
    if (before.error().fault != Fault::not_found) return before.error();
    if (!unknown) unknown = before.error();
  }
  return unknown.value_or(graph.error());
}

/// A detached actor is a graph of its name.
bool is_one_actor(const RunSummary& graph, const std::vector<scheduler::TaskRecord>& tasks) {
  return tasks.size() == 1 && tasks.front().spec.is_actor() && tasks.front().spec.name == graph.name;
}

}  // namespace

std::unique_ptr<GraphSource> runs_of_this_machine() { return std::make_unique<RunsOfThisMachine>(); }

std::unique_ptr<GraphSource> graphs_of(const ClusterFile& cluster) {
  return std::make_unique<GraphsOfCluster>(cluster);
}

Result<std::unique_ptr<GraphSource>> choose_source(const std::string& option) {
  const auto chosen = choose_cluster(option);
  if (!chosen) return chosen.error();
  return *chosen ? graphs_of(**chosen) : runs_of_this_machine();
}

Result<RunSummary> find_graph(GraphSource& source, std::string_view text) {
  const auto graphs = source.graphs([&](JobId id, const std::string& name) {
    return name == text || (text.size() >= least_prefix && to_text(id).starts_with(text));
  });
  if (!graphs) return graphs.error();
  const auto find = [&](const auto& fits) { return std::find_if(graphs->begin(), graphs->end(), fits); };
  auto found = find([&](const RunSummary& graph) { return to_text(graph.id) == text; });
  if (found == graphs->end()) found = find([&](const RunSummary& graph) { return graph.name == text; });
  if (found != graphs->end()) return *found;
  const auto begins_so = [&](const RunSummary& graph) { return to_text(graph.id).starts_with(text); };
  const auto count = text.size() < least_prefix ? 0 : std::count_if(graphs->begin(), graphs->end(), begins_so);
  if (count > 1)
    return bad_input("'" + std::string(text) + "' is the beginning of " + std::to_string(count) +
                     " ids: give more of it (troupe list graphs)");
  if (count == 1) return *find(begins_so);
  return Error{Fault::not_found,
               "there is no graph '" + std::string(text) + "' (troupe list graphs shows those there are)"};
}

Result<Found> find_in(GraphSource& source, const std::string& id) {
  const auto wanted = task_id_from(id);
  const auto named = find_graph_and_task(source, wanted ? to_text(wanted->job) : id);
  if (!named) return named.error();
  const auto& [graph, task_name] = *named;
  auto stored = source.open(graph);
  // A run that ended before its store had anything is a graph without tasks.
  if (!stored && stored.error().fault == Fault::not_found) stored = StoredState{};
  if (!stored) return stored.error();
  Found found{graph, std::move(*stored), {}};
  if (!wanted && task_name.empty()) {
    if (is_one_actor(graph, found.stored.tasks)) found.task = found.stored.tasks.front().spec.id;
    return found;
  }

  const std::string name = wanted ? to_text(*wanted) : task_name;
  std::vector<std::string> names;
  for (const auto& task : found.stored.tasks) {
    if (wanted ? task.spec.id == *wanted : task.spec.name == name) found.task = task.spec.id;
    names.push_back(task.spec.name);
  }
  if (found.task) return found;
  return Error{Fault::not_found, "graph " + graph.name + " (" + to_text(graph.id) + ") has no task '" + name + "'" +
                                     (wanted ? "" : did_you_mean(name, names))};
}

}  // namespace troupe::cli
