// Shows what functions and actors print while they print it, on the stderr of the driver whose they are.
//
// One thread, which the kernel wakes when a log is given its name, grows or is closed (inotify): while nothing is
// printed it sleeps. A log has its attempt's name from when somebody may follow it (runtime/worker/task_output.h), and
// is whole when who writes there closes it. Both comes before the attempt's end is told, so what a task printed whose
// end the driver knows is shown when this ends, at the latest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "runtime/base/ids.h"
#include "runtime/ring/descriptor.h"
#include "scheduler/local/log_reader.h"
#include "scheduler/local/shown_lines.h"

namespace troupe::scheduler {

class ShownOutput {
 public:
  struct Options {
    std::string logs{};     ///< A node's folder of logs; or
    std::string members{};  ///< the folder whose folders have one each, `NAME/logs`, those that are to come too.
    /// Whose tasks and actors; none: all whose logs come from now on.
    std::optional<JobId> job{};
    FoldedLines::Repeats repeats = FoldedLines::Repeats::folded;
    /// Is handed whole lines, on the thread.
    std::function<void(std::string_view)> show = to_stderr;
  };

  /// None where the environment says so: TROUPE_SHOW_OUTPUT=0.
  static std::unique_ptr<ShownOutput> start(Options options);

  /// Where it cannot watch it says so, once, and shows nothing.
  explicit ShownOutput(Options options);
  /// Shows what has been printed so far.
  ~ShownOutput();
  ShownOutput(const ShownOutput&) = delete;

 private:
  struct Folder {
    enum class Kind : std::uint8_t { members, member, logs } kind;
    std::string path;
    std::string node{};
  };
  struct Source {
    LogReader log;
    ShownLines::Source lines;
    bool is_over = false;  // Nobody writes there any more.
  };

  static void to_stderr(std::string_view lines);
  int watch(Folder folder, std::uint32_t events);
  void watch_member(const std::string& name);
  void watch_members();

  void run();
  bool ends_within(std::optional<FoldedLines::Time> until, bool may_wake_for_news);
  void take_news();
  void take(int watch, std::uint32_t events, const std::string& name);
  void take_log(const Folder& folder, std::uint32_t events, const std::string& name);
  void pass_on();
  void show();

  const Options options_;
  std::string shown_;  // In this look.
  ShownLines lines_;
  Descriptor news_;
  Descriptor end_;
  std::map<int, Folder> folders_;          // By their watches.
  std::map<std::string, Source> sources_;  // By their files.
  std::set<std::string> changed_;          // Of those.
  std::thread thread_;
};

/// Repeats as a program or a person wants them, and the environment: TROUPE_FOLD_OUTPUT=0.
FoldedLines::Repeats repeats_of(bool folds);

}  // namespace troupe::scheduler
