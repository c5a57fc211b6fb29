// What a training was and what came of it, for people and programs (the keys of the command line's contract).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/parallel/plan.h"
#include "nn/parallel/stage_trainer.h"

namespace troupe::nn {

struct WorkerReport {
  std::uint32_t rank = 0;
  std::string node;
  std::int64_t samples = 0;  ///< That it computed itself.
  double core_seconds = 0;
  Phases phases;
};

struct Report {
  TrainOptions options;
  std::int64_t slots = 0;
  std::int64_t steps = 0;  ///< task: of each shard.
  double epochs = 0;
  std::int64_t samples = 0;  ///< In all global batches.
  double start_s = 0;        ///< Until all workers stood ready with their data.
  double wall_s = 0;         ///< Of the steps.
  double evaluate_s = 0;
  double loss = 0;             ///< Mean training loss of the last epoch.
  double accuracy = 0;         ///< On the test set, after the last step.
  std::vector<float> step_ms;  ///< Of one worker.
  std::vector<WorkerReport> workers;
  std::vector<float> parameters;  ///< In model order.

  double images_per_s() const { return wall_s > 0 ? static_cast<double>(samples) / wall_s : 0; }
  double step_ms_at(double quantile) const;
  double core_seconds() const;
  /// Busy core-seconds over cores x wall: what is left was waiting.
  double utilisation() const;
  Phases phases() const;  ///< Sum over the workers, in seconds.
};

/// sha256 over the parameters as fp32 little-endian, in hexadecimal.
std::string digest_of(const std::vector<float>& parameters);

/// One line of JSON; with the last two where several strategies were compared.
std::string to_json(const Report& report, std::optional<double> speed_up = {}, std::optional<bool> same_bits = {});

}  // namespace troupe::nn
