// Reads a log file as it grows, over its rotations (runtime/worker/task_log.h).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::scheduler {

class LogReader {
 public:
  /// What a reader that is slower than its writer does: misses some, or holds up who writes.
  enum class Behind { misses, holds_up };

  explicit LogReader(std::string file, Behind behind = Behind::misses) : file_(std::move(file)), behind_(behind) {}
  LogReader(LogReader&& other) noexcept;
  LogReader& operator=(LogReader&&) = delete;
  ~LogReader();

  /// Hands on what has come since the last time; the first time all that is kept.
  void read(const std::function<void(std::string_view)>& take);
  /// Whether some came and went between two reads. Asked once.
  bool has_missed() { return std::exchange(has_missed_, false); }

 private:
  bool go_on();
  void read_to_end(const std::function<void(std::string_view)>& take);

  std::string file_;
  Behind behind_;
  int open_ = -1;
  bool has_missed_ = false;
};

}  // namespace troupe::scheduler
