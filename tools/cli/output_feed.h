// Shows what the tasks of a graph print while they print it, line by line, repeats folded.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/cli/folded_lines.h"
#include "tools/cli/output_follower.h"

namespace troupe::cli {

class OutputFeed {
 public:
  /// `show` is handed whole lines.
  explicit OutputFeed(std::function<void(const std::string&)> show) : show_(std::move(show)) {}

  /// A task runs. `directory` is its own; the same task again changes nothing.
  void follow(const std::string& task, const std::string& directory);
  /// It has ended, followed before or not.
  void end(const std::string& task, const std::string& directory);
  /// Shows what has come since the last time. Of what comes at once from one task, no more than some lines.
  void pass_on();
  /// All have ended.
  void finish();

 private:
  struct Source {
    OutputFollower follower;
    std::string line;  // That has no end yet.
    std::size_t lines = 0;
    Source(const std::string& directory, std::function<void(std::string_view)> take)
        : follower(directory, LogReader::Behind::misses, std::move(take)) {}
  };

  void take(const std::string& task, std::string_view bytes);
  void show_line(const std::string& task, Source& source);
  void pass_on(const std::string& task, Source& source);
  void tell(const std::vector<std::string>& lines) const;

  std::function<void(const std::string&)> show_;
  std::map<std::string, Source> sources_;  // By their tasks.
  FoldedLines folded_;
};

}  // namespace troupe::cli
