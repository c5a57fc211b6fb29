// Graphs of tasks that do nothing, from the hand-over to the end of the last one, through all processes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/metg.h"
#include "tools/cli/bench/place.h"

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Tasks = std::vector<TaskSpec>;

inline constexpr Task<void()> nothing{"bench.nothing"};

constexpr std::chrono::seconds limit{600};
constexpr std::size_t edges_of_a_message = 1'000'000;  // Of 4 bytes each.
constexpr std::size_t tasks_of_a_message = 10'000;
constexpr int usual_runs = 5;
constexpr int usual_metg_runs = 7;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

TaskSpec task(JobId job, std::uint32_t number, std::vector<TaskId> after) {
  return {.id = {job, number},
          .name = "t" + std::to_string(number),
          .work = FunctionWork{std::string(nothing.name), {}},
          .needs = {.cpus = 1000},
          .after = std::move(after)};
}

/// Each task after all of the layer before it.
Tasks dense(JobId job, std::uint32_t layers, std::uint32_t width) {
  Tasks tasks;
  std::vector<TaskId> before;
  for (std::uint32_t layer = 0; layer < layers; ++layer) {
    std::vector<TaskId> own;
    for (std::uint32_t i = 0; i < width; ++i) {
      own.push_back({job, layer * width + i + 1});
      tasks.push_back(task(job, own.back().number, before));
    }
    before = std::move(own);
  }
  return tasks;
}

Tasks independent(JobId job, std::uint32_t count) { return dense(job, 1, count); }
Tasks chain(JobId job, std::uint32_t length) { return dense(job, length, 1); }

/// As many tasks after all of as many others: by a join.
Tasks barrier(JobId job, std::uint32_t width) {
  Tasks tasks = independent(job, width);
  TaskSpec join{.id = {job, width + 1}, .name = "all", .work = JoinWork{}, .needs = {.cpus = 0}};
  for (const auto& before : tasks) join.after.push_back(before.id);
  tasks.push_back(std::move(join));
  for (std::uint32_t i = 0; i < width; ++i) tasks.push_back(task(job, width + 2 + i, {{job, width + 1}}));
  return tasks;
}

/// As many tasks, each after two of as many others.
Tasks pairs(JobId job, std::uint32_t width) {
  Tasks tasks = independent(job, width);
  for (std::uint32_t i = 0; i < width; ++i)
    tasks.push_back(task(job, width + 1 + i, {{job, i + 1}, {job, (i + 1) % width + 1}}));
  return tasks;
}

class GraphBench {
 public:
  explicit GraphBench(Bench& bench) : bench_(bench), place_(bench, "graph"), session_(place_.session()) {
    // The worker processes are up, and their first pages touched.
    durable(independent(JobId{random_id()}, 200));
  }

  template <class Make>
  void measure(const char* name, Make make) {
    if (!bench_.wants(name)) return;
    Measured measured{"graph", name, "tasks/s", {}};
    for (int run = 0; run < bench_.runs(usual_runs); ++run) {
      const Tasks tasks = make(JobId{random_id()});
      const auto count =
          std::count_if(tasks.begin(), tasks.end(), [](const TaskSpec& each) { return !each.is_join(); });
      measured.runs.push_back(static_cast<double>(count) / durable(tasks));
    }
    bench_.print(measured);
  }

  void measure_driver_owned(const char* name, int count) {
    if (!bench_.wants(name)) return;
    Measured measured{"graph", name, "tasks/s", {}};
    for (int run = 0; run < bench_.runs(usual_runs); ++run) {
      const auto begin = Clock::now();
      std::vector<Ref<void>> refs;
      for (int i = 0; i < count; ++i) refs.push_back(session_.submit(nothing));
      if (!session_.wait(refs, refs.size(), limit)) throw std::runtime_error("not every task ended");
      measured.runs.push_back(count / seconds_since(begin));
      for (const auto& ref : refs) session_.get(ref);
    }
    bench_.print(measured);
  }

  void measure_metg(const MetgGraph& graph) {
    if (!bench_.wants(graph.name)) return;
    MetgSize size{.cpus = place_.cpus(), .runs = bench_.runs(usual_metg_runs)};
    // As many steps less as a window is shorter.
    const std::chrono::milliseconds usual_window{2000};
    size.tasks = size.tasks * bench_.window(usual_window) / usual_window;
    bench_.print({"graph", graph.name, "us", metg_of(session_, graph, size), {}});
  }

 private:
  /// Seconds from the hand-over to the news that the last task has ended.
  double durable(const Tasks& tasks) {
    SessionCore& core = session_.core();
    const JobInfo job{tasks.front().id.job, "bench", std::filesystem::read_symlink("/proc/self/exe"), true};
    const auto begin = Clock::now();
    std::vector<ObjectPtr> ends;
    for (const auto& task : tasks) ends.push_back(core.watch_task(task.id, task.name));
    for (auto next = tasks.begin(); next != tasks.end();) {
      Tasks part;
      std::size_t edges = 0;
      for (; next != tasks.end() && edges <= edges_of_a_message && part.size() < tasks_of_a_message; ++next) {
        edges += next->after.size();
        part.push_back(*next);
      }
      if (auto taken = core.submit_job(job, std::move(part), limit); !taken)
        throw std::runtime_error(taken.error().message);
    }
    if (!core.wait(ends, ends.size(), Clock::now() + limit)) throw std::runtime_error("not every task ended");
    const double seconds = seconds_since(begin);
    if (const auto failure = core.first_failure(ends)) throw std::runtime_error(describe(*failure));
    return seconds;
  }

  Bench& bench_;
  BenchPlace place_;
  Session& session_;
};

void bench_graph(Bench& bench) {
  std::fprintf(
      stderr,
      "graph: supervisor, redis-server (appendfsync always), scheduler, agent and a worker for each cpu, each a "
      "process; functions that do nothing; durable but for independent_100k and metg, which are driver-owned; a "
      "cluster "
      "that is given keeps what is durable as graphs named 'bench'\n"
      "graph: metg: METG(50 %%), wall time x cpus / tasks where half of the best rate is left, which that of tasks of "
      "4 "
      "ms is, mostly; the graph is held, the work of each task shrinks by half\n");
  GraphBench graphs(bench);
  graphs.measure("dense_graph_20x100", [](JobId job) { return dense(job, 20, 100); });
  graphs.measure("dense_graph_20x500", [](JobId job) { return dense(job, 20, 500); });
  graphs.measure("chain_2000", [](JobId job) { return chain(job, 2000); });
  graphs.measure("barrier_10k_x_10k", [](JobId job) { return barrier(job, 10'000); });
  graphs.measure("edges_20k", [](JobId job) { return pairs(job, 10'000); });
  graphs.measure("independent_100k_durable", [](JobId job) { return independent(job, 100'000); });
  graphs.measure_driver_owned("independent_100k", 100'000);
  for (const auto& graph : metg_graphs) graphs.measure_metg(graph);
}

}  // namespace

void enroll_graph_bench(Catalog& catalog) {
  catalog.add(nothing, [] {});
  enroll_metg(catalog);
}

Suite graph_suite() {
  Suite suite{"graph",
              {"dense_graph_20x100", "dense_graph_20x500", "chain_2000", "barrier_10k_x_10k", "edges_20k",
               "independent_100k_durable", "independent_100k"},
              {},
              bench_graph};
  for (const auto& graph : metg_graphs) suite.on_cluster.emplace_back(graph.name);
  return suite;
}

}  // namespace troupe::cli
