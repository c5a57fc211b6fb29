// Trains a model on a cluster: makes the plan, spawns its gang or submits its tasks, and reports.
#pragma once

#include <functional>
#include <string>

#include "nn/parallel/report.h"
#include "runtime/api/session.h"

namespace troupe::nn {

struct TrainProgress {
  std::int64_t step = 0;
  std::int64_t steps = 0;
  double loss = 0;  ///< Mean over the steps since the last call.
  double images_per_s = 0;
};

/// What a driver wants to hear while it waits; either may be empty, and may throw to end the training.
struct TrainListener {
  std::function<void(const TrainProgress&)> on_progress;  ///< After each round, a few times a second.
  std::function<void()> on_tick;                          ///< About every 100 ms.
};

/// Runs the whole training, each worker on one cpu, or on less where `cpus` are fewer than the workers.
///
/// Fails with: bad_input (the plan, the data), unavailable (the cluster ended), and what killed a worker or its task.
Result<Report> train(Session& session, const TrainOptions& options, Milli cpus, const TrainListener& listener = {});

}  // namespace troupe::nn
