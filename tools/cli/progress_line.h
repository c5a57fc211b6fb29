// How far the work has come, on stderr: a bar on a terminal, a plain line every few seconds elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace troupe::cli {

struct WorkProgress {
  std::size_t total = 0;
  std::size_t ended = 0;
  std::size_t failed = 0;
  std::size_t running = 0;  ///< 0 also: not known.
};

class ProgressLine {
 public:
  using Clock = std::chrono::steady_clock;

  ProgressLine(std::string name, bool is_quiet);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;

  /// Whether `show` would show something now.
  bool is_due() const;
  void show(const WorkProgress& progress);

  /// Takes the bar off the terminal, so that something else can be written.
  void clear();

 private:
  std::string name_;
  bool is_quiet_;
  bool is_terminal_;
  bool is_drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
};

}  // namespace troupe::cli
