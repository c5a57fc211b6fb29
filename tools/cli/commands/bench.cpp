#include "tools/cli/commands/bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <numeric>
#include <optional>

#include "nn/parallel/train.h"
#include "scheduler/local/cluster.h"
#include "tools/cli/commands/bench_sync.h"
#include "tools/cli/exit_codes.h"

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;

inline constexpr Task<std::string()> answer_ok{"bench.ok"};

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

struct Measured {
  std::string suite;
  std::string name;
  std::string unit;
  std::vector<double> runs;
  bool is_rate = false;  // Then the runs are windows of one.

  double value() const {
    if (!is_rate) return at(0.5);
    return std::accumulate(runs.begin(), runs.end(), 0.0) / static_cast<double>(runs.size());
  }
  double at(double quantile) const {
    std::vector<double> sorted = runs;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<std::size_t>(quantile * static_cast<double>(sorted.size() - 1) + 0.5)];
  }
};

class Bench {
 public:
  explicit Bench(const BenchCommand& command) : command_(command) {}

  bool wants_suite(const std::string& suite) const {
    return command_.suites.empty() ||
           std::find(command_.suites.begin(), command_.suites.end(), suite) != command_.suites.end();
  }
  bool wants(const std::string& name) const {
    return command_.only.empty() || std::find(command_.only.begin(), command_.only.end(), name) != command_.only.end();
  }

  /// Prints the median of the runs, or the mean of the windows.
  void print(const Measured& measured) {
    if (!wants(measured.name)) return;
    has_printed_ = true;
    if (command_.json) {
      std::printf(
          "{\"suite\":\"%s\",\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"min\":%.6g,\"max\":%.6g,\"runs\":%zu}\n",
          measured.suite.c_str(), measured.name.c_str(), measured.value(), measured.unit.c_str(), measured.at(0),
          measured.at(1), measured.runs.size());
    } else {
      std::printf("%-8s %-34s %12.4g %-6s (%.4g to %.4g, %zu runs)\n", measured.suite.c_str(), measured.name.c_str(),
                  measured.value(), measured.unit.c_str(), measured.at(0), measured.at(1), measured.runs.size());
    }
    std::fflush(stdout);
  }

  bool has_printed() const { return has_printed_; }

 private:
  const BenchCommand& command_;
  bool has_printed_ = false;
};

/// A whole local cluster, from nothing to nothing: redis-server, scheduler, agent, one worker, one task.
void bench_start(Bench& bench) {
  if (!bench.wants("local_cluster_first_answer") && !bench.wants("local_cluster_whole")) return;
  std::fprintf(stderr,
               "start: supervisor, redis-server (appendfsync always), scheduler, agent and one worker, each a process; "
               "one driver-owned task; 20 runs after 2 to warm up\n");
  Measured first{"start", "local_cluster_first_answer", "ms", {}};
  Measured whole{"start", "local_cluster_whole", "ms", {}};
  for (int run = -2; run < 20; ++run) {
    const auto begin = Clock::now();
    double answered = 0;
    {
      auto cluster = Cluster::local();
      auto session = cluster.connect();
      if (session.get(session.submit(answer_ok)) != "ok") throw std::runtime_error("the task gave another answer");
      answered = ms_since(begin);
    }
    if (run < 0) continue;
    first.runs.push_back(answered);
    whole.runs.push_back(ms_since(begin));
  }
  bench.print(first);
  bench.print(whole);
}

struct TrainCase {
  std::int64_t batch;
  const char* strategy;
};

/// The reference network, step by step, as actors in processes of their own.
void bench_train(Bench& bench) {
  constexpr TrainCase cases[] = {{4, "single"},   {32, "single"},  {100, "single"}, {96, "single"},
                                 {192, "single"}, {192, "data:2"}, {192, "model:2"}};
  constexpr int runs = 5;
  std::fprintf(
      stderr,
      "train: lenet on synthetic images, back-end cpu, one process of one thread a worker, batches made on the "
      "step's path; medians of %d runs of 2 s each\n",
      runs);
  std::optional<Cluster> cluster;
  std::optional<Session> session;
  for (const auto& [batch, strategy] : cases) {
    std::string suffix = "lenet_b" + std::to_string(batch) + '_' + strategy;
    Measured step{"train", "step_" + suffix, "ms", {}};
    Measured images{"train", "images_" + suffix, "1/s", {}};
    if (!bench.wants(step.name) && !bench.wants(images.name)) continue;
    if (!session) {
      cluster.emplace(Cluster::local());
      session.emplace(cluster->connect());
    }
    nn::TrainOptions options{.strategy = nn::parse_strategy(strategy).value(), .batch = batch, .steps = 60};
    for (int run = -1; run < runs; ++run) {
      const auto report = nn::train(*session, options, local_capacity({}).cpus);
      if (!report) throw std::runtime_error(report.error().message);
      // The first run sets how many steps fill two seconds.
      if (run < 0)
        options.steps = std::max<std::int64_t>(20, static_cast<std::int64_t>(2000 / report->step_ms_at(0.5)));
      if (run < 0) continue;
      step.runs.push_back(report->step_ms_at(0.5));
      images.runs.push_back(report->images_per_s());
    }
    bench.print(step);
    bench.print(images);
  }
}

}  // namespace

void enroll_bench(Catalog& catalog) {
  catalog.add(answer_ok, [] { return std::string("ok"); });
}

int bench_command(const BenchCommand& command) {
  Bench bench(command);
  try {
    if (bench.wants_suite("start")) bench_start(bench);
    if (bench.wants_suite("sync"))
      for (auto& rate : measure_sync([&](const std::string& name) { return bench.wants(name); }))
        bench.print({"sync", rate.name, "1/s", std::move(rate.windows), true});
    if (bench.wants_suite("train")) bench_train(bench);
    if (!bench.has_printed()) {
      std::fprintf(stderr, "troupe bench: no measurement of these suites is called '%s'\n",
                   command.only.front().c_str());
      return exit_bad_input;
    }
  } catch (const ClusterError& error) {
    std::fprintf(stderr, "troupe bench: %s\n", error.what());
    return exit_no_cluster;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "troupe bench: %s\n", error.what());
    return exit_work_failed;
  }
  return exit_done;
}

}  // namespace troupe::cli
