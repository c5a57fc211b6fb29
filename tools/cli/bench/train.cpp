#include "nn/parallel/train.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <stdexcept>

#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/place.h"

namespace troupe::cli {
namespace {

struct TrainCase {
  std::int64_t batch;
  const char* strategy;

  std::string name(const char* what) const {
    return std::string(what) + "_lenet_b" + std::to_string(batch) + '_' + strategy;
  }
};

constexpr TrainCase cases[] = {{4, "single"},   {32, "single"},  {100, "single"}, {96, "single"},
                               {192, "single"}, {192, "data:2"}, {192, "model:2"}};

/// The reference network, step by step, as actors in processes of their own.
void bench_train(Bench& bench) {
  const int runs = bench.runs(5);
  const double window_ms = static_cast<double>(bench.window(std::chrono::seconds(2)).count());
  std::fprintf(
      stderr,
      "train: lenet on synthetic images, back-end cpu, one process of one thread a worker, batches made on the "
      "step's path; %d runs of %g s each\n",
      runs, window_ms / 1000);
  BenchPlace place(bench, "train");
  for (const auto& each : cases) {
    Measured step{"train", each.name("step"), "ms", {}};
    Measured images{"train", each.name("images"), "1/s", {}};
    if (!bench.wants_any(step.name, images.name)) continue;
    nn::TrainOptions options{.strategy = nn::parse_strategy(each.strategy).value(), .batch = each.batch, .steps = 60};
    for (int run = -1; run < runs; ++run) {
      const auto report = nn::train(place.session(), options, static_cast<Milli>(1000 * place.cpus()));
      if (!report) throw std::runtime_error(report.error().message);
      // The first run sets how many steps fill the time.
      if (run < 0)
        options.steps = std::max<std::int64_t>(20, static_cast<std::int64_t>(window_ms / report->step_ms_at(0.5)));
      if (run < 0) continue;
      step.runs.push_back(report->step_ms_at(0.5));
      images.runs.push_back(report->images_per_s());
    }
    bench.print(step);
    bench.print(images);
  }
}

}  // namespace

Suite train_suite() {
  Suite suite{"train", {}, {}, bench_train};
  for (const auto& each : cases)
    for (const char* what : {"step", "images"}) suite.on_cluster.push_back(each.name(what));
  return suite;
}

}  // namespace troupe::cli
