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

/// Runs the whole training, each worker on one cpu, or on less where `cpus` are fewer than the workers; `progress`, if
/// there is one, is called a few times a second.
///
/// Fails with: bad_input (the plan, the data), and what killed a worker or its task.
Result<Report> train(Session& session, const TrainOptions& options, Milli cpus,
                     const std::function<void(const TrainProgress&)>& progress);

}  // namespace troupe::nn
