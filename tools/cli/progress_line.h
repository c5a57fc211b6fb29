// How far the work has come, on stderr: a bar on a terminal, a plain line every few seconds elsewhere.
#pragma once

#include <chrono>
#include <string>

namespace troupe::cli {

class ProgressLine {
 public:
  using Clock = std::chrono::steady_clock;

  ProgressLine(std::string name, bool is_quiet);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;

  /// Whether `show` would show something now.
  bool is_due() const;
  /// `done`: 0 to 1. `text` says it in words; the time since the start is added.
  void show(double done, const std::string& text);

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
