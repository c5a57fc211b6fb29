// Records a core into a file of its own: an event before the core takes it, so that the event in which a process ended
// is there, too; a checksum of its effects with what follows.
//
// Recording never stands in the scheduler's way: when the file is full, or cannot be written, it stops with a line on
// stderr and the scheduler goes on. Nothing is synced: a log is to survive the process, not the machine.
#pragma once

#include <cstdint>
#include <string>

#include "scheduler/service/event_log.h"

namespace troupe::scheduler {

/// So large a log grows.
inline constexpr std::uint64_t most_log_bytes = std::uint64_t{1} << 30;

class EventRecorder {
 public:
  /// Makes the file, which only its owner may read, for what tasks are given may be secret. What is there is kept: the
  /// next one is FILE.2, then FILE.3.
  ///
  /// Fails with: unavailable (cannot be made: why).
  static Result<EventRecorder> create(const std::string& file, std::uint64_t most_bytes = most_log_bytes);
  EventRecorder(EventRecorder&& other) noexcept;
  EventRecorder& operator=(EventRecorder&&) = delete;
  ~EventRecorder();

  void opened(const Settings& settings, const StoredState& stored, Time at);
  void takes(Time at, const Event& event);
  void gave(const Effects& effects);
  /// Writes what is not written yet.
  void flush();

  const std::string& file() const { return file_; }

 private:
  EventRecorder(int descriptor, std::string file, std::uint64_t most_bytes);
  bool is_on() const { return descriptor_ >= 0; }
  void append(const std::string& body);
  void stop(const std::string& why);

  int descriptor_;
  std::string file_;
  std::uint64_t most_bytes_;
  std::uint64_t bytes_ = 0;
  EventLogFramer framer_;
  std::string buffer_;
};

}  // namespace troupe::scheduler
