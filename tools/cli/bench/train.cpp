#include "nn/parallel/train.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <stdexcept>

#include "scheduler/local/cluster.h"
#include "tools/cli/bench/bench.h"

namespace troupe::cli {
namespace {

struct TrainCase {
  std::int64_t batch;
  const char* strategy;
};

}  // namespace

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

}  // namespace troupe::cli
