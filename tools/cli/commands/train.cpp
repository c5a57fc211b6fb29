#include "tools/cli/commands/train.h"

#include <cstdio>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "nn/data/dataset.h"
#include "nn/parallel/train.h"
#include "scheduler/local/cluster.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/output.h"
#include "tools/cli/progress_line.h"

namespace troupe::cli {
namespace {

struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

std::string describe(const nn::TrainProgress& progress) {
  char text[96];
  std::snprintf(text, sizeof text, "step %lld of %lld, loss %.4f, %.0f images/s", static_cast<long long>(progress.step),
                static_cast<long long>(progress.steps), progress.loss, progress.images_per_s);
  return text;
}

struct Compared {
  nn::Report report;
  std::optional<double> speed_up;
  std::optional<bool> same_bits;  ///< None: another algorithm, or nothing to compare with.
};

std::vector<Compared> compare(std::vector<nn::Report> reports) {
  const nn::Report* single = nullptr;
  for (const auto& report : reports)
    if (nn::describe(report.options.strategy) == "single") single = &report;
  std::vector<Compared> rows;
  for (const auto& report : reports) {
    Compared row{report, {}, {}};
    if (single != nullptr) {
      row.speed_up = report.images_per_s() / single->images_per_s();
      if (std::holds_alternative<nn::MeshStrategy>(report.options.strategy))
        row.same_bits = report.parameters == single->parameters;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void print_table(const std::vector<Compared>& rows) {
  std::printf("%-9s %10s %10s %9s %12s %8s %8s %9s  %-12s  %s\n", "strategy", "s/epoch", "images/s", "speed-up",
              "utilisation", "core-s", "loss", "accuracy", "digest", "same bits as single");
  for (const auto& [report, speed_up, same_bits] : rows) {
    const char* same = same_bits ? (*same_bits ? "yes" : "NO") : "-";
    if (std::holds_alternative<nn::TaskStrategy>(report.options.strategy)) same = "another algorithm";
    char speed_up_text[16] = "-";
    if (speed_up) std::snprintf(speed_up_text, sizeof speed_up_text, "%.2f", *speed_up);
    std::printf("%-9s %10.2f %10.0f %9s %11.0f%% %8.1f %8.4f %8.2f%%  %.12s  %s\n",
                nn::describe(report.options.strategy).c_str(), report.wall_s / report.epochs, report.images_per_s(),
                speed_up_text, report.utilisation() * 100, report.core_seconds(), report.loss, report.accuracy * 100,
                nn::digest_of(report.parameters).c_str(), same);
  }
}

int fail(const Error& error, int exit_code) {
  complain("train", error.message);
  return exit_code;
}

/// Everything that can be wrong is found here, before anything starts.
Result<std::vector<nn::Plan>> check_all(const TrainCommand& command) {
  std::vector<nn::Plan> plans;
  bool has_shards = false;
  for (const auto& text : command.strategies) {
    nn::TrainOptions options = command.options;
    const auto strategy = nn::parse_strategy(text);
    if (!strategy) return strategy.error();
    options.strategy = *strategy;
    has_shards = has_shards || std::holds_alternative<nn::TaskStrategy>(*strategy);
    auto plan = nn::make_plan(options);
    if (!plan) return plan.error();
    plans.push_back(std::move(*plan));
  }
  if (command.options.join_every != 0 && !has_shards) return bad_input("--join-every is for --strategy task:K alone");
  // Read whole, though the workers read it again: no worker starts on a damaged file.
  const auto data = nn::load_dataset(command.options.data);
  if (!data) return data.error();
  for (const auto* images : {&data->train, &data->test})
    if (auto fitting = nn::fits(*images, plans.front().model.input); !fitting) return fitting.error();
  return plans;
}

}  // namespace

int train_command(const TrainCommand& command) {
  const auto plans = check_all(command);
  if (!plans) return fail(plans.error(), exit_bad_input);
  std::ofstream report_file;
  if (!command.report_file.empty()) {
    report_file.open(command.report_file);
    if (!report_file) return fail(bad_input("--report: cannot write '" + command.report_file + "'"), exit_bad_input);
  }
  count_interrupts(2);
  auto cluster = Cluster::try_local({});
  if (!cluster) return interrupts() > 0 ? exit_interrupted : fail(cluster.error(), exit_no_cluster);
  auto session = cluster->try_connect();
  if (!session) return fail(session.error(), exit_no_cluster);
  std::vector<nn::Report> reports;
  for (const auto& plan : *plans) {
    ProgressLine line(nn::describe(plan.options.strategy), command.quiet);
    try {
      const nn::TrainListener listener{.on_progress =
                                           [&](const nn::TrainProgress& progress) {
                                             const double done = static_cast<double>(progress.step) /
                                                                 static_cast<double>(progress.steps);
                                             if (line.is_due()) line.show(done, describe(progress));
                                           },
                                       .on_tick =
                                           [] {
                                             if (interrupts() > 0) throw Interrupted();
                                           }};
      auto report = nn::train(*session, plan.options, local_capacity({}).cpus, listener);
      if (!report)
        return fail(report.error(), report.error().fault == Fault::unavailable ? exit_no_cluster : exit_work_failed);
      reports.push_back(std::move(*report));
    } catch (const Interrupted&) {
      return exit_interrupted;
    }
  }
  const auto rows = compare(std::move(reports));
  for (const auto& row : rows) {
    const std::string line = nn::to_json(row.report, row.speed_up, row.same_bits);
    if (command.json) std::printf("%s\n", line.c_str());
    if (report_file.is_open()) report_file << line << '\n';
  }
  if (!command.json) print_table(rows);
  return exit_done;
}

}  // namespace troupe::cli
