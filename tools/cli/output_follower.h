// Passes on what a task's attempts write while they write it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "scheduler/local/log_reader.h"

namespace troupe::cli {

class OutputFollower {
 public:
  /// `directory` is the task's own; `take` is handed what its attempts write.
  OutputFollower(std::string directory, scheduler::LogReader::Behind behind, std::function<void(std::string_view)> take)
      : directory_(std::move(directory)), behind_(behind), take_(std::move(take)) {}

  /// Passes on what has come since the last time.
  void pass_on();

 private:
  std::string directory_;
  scheduler::LogReader::Behind behind_;
  std::function<void(std::string_view)> take_;
  std::map<std::string, scheduler::LogReader> logs_;  // By their files.
};

}  // namespace troupe::cli
