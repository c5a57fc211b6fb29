// Passes on what a task's attempts write while they write it.
#pragma once

#include <map>
#include <string>

#include "tools/cli/log_reader.h"

namespace troupe::cli {

class OutputFollower {
 public:
  /// `directory` is the task's own; what its attempts write goes to `descriptor`.
  OutputFollower(std::string directory, int descriptor) : directory_(std::move(directory)), descriptor_(descriptor) {}

  /// Passes on what has come since the last time.
  void pass_on();

 private:
  std::string directory_;
  int descriptor_;
  std::map<std::string, LogReader> logs_;  // By their files.
};

}  // namespace troupe::cli
