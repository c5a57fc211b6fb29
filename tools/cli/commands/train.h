// `troupe train`: trains by one strategy, or by several in turn to compare them.
#pragma once

#include <string>
#include <vector>

#include "nn/parallel/plan.h"

namespace troupe::cli {

struct TrainCommand {
  nn::TrainOptions options;             ///< But for the strategy.
  std::vector<std::string> strategies;  ///< More than one: compared with `single`, if it is among them.
  std::string report_file;              ///< Empty: none.
  bool json = false;
  bool quiet = false;
};

/// The exit code of the process.
int train_command(const TrainCommand& command);

}  // namespace troupe::cli
