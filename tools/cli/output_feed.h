// Shows what the tasks of a graph print while they print it, line by line, repeats folded.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "scheduler/local/shown_lines.h"
#include "tools/cli/output_follower.h"

namespace troupe::cli {

class OutputFeed {
 public:
  /// `show` is handed whole lines.
  OutputFeed(scheduler::FoldedLines::Repeats repeats, std::function<void(const std::string&)> show)
      : lines_(repeats, std::move(show)) {}

  /// A task runs. `directory` is its own; the same task again changes nothing.
  void follow(const std::string& task, const std::string& directory);
  /// It has ended, followed before or not.
  void end(const std::string& task, const std::string& directory);
  /// Shows what has come since the last time.
  void pass_on();
  /// All have ended.
  void finish() { lines_.tell_all_repeats(); }

 private:
  struct Source {
    OutputFollower follower;
    scheduler::ShownLines::Source lines;
    Source(const std::string& task, const std::string& directory, std::function<void(std::string_view)> take)
        : follower(directory, scheduler::LogReader::Behind::misses, std::move(take)), lines{task} {}
  };

  scheduler::ShownLines lines_;
  std::map<std::string, Source> sources_;  // By their tasks.
};

}  // namespace troupe::cli
