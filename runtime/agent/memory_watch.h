// Keeps workers and commands to the memory that they were granted: looks a few times a second how much each uses, with
// all that it started, and kills what uses more, with all of that. It counts what is theirs alone, and memory that they
// share after a fork once: objects in the node's store are not.
//
// No cgroup does it: that would count to a worker the pages of the store that it was the first to touch, and an agent
// is seldom given one of its own. What grows by gigabytes within a look gets so far.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "runtime/agent/process.h"

namespace troupe {

class MemoryWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// 0: no limit. Again: another one from now on.
  void limit(const Process& process, std::int64_t bytes);

  /// To be called at next_look(), or earlier.
  void look(Time now);
  Time next_look() const { return watched_.empty() ? Time::max() : next_look_; }

  /// Of one that has ended: why, to be put before the rest, if that was for its memory or may have been; else empty.
  /// Forgets it.
  std::string take_cause(pid_t process, int signal);

 private:
  struct Watched {
    Process process;
    std::int64_t limit = 0;
    std::int64_t used = 0;  // When it was killed for it; else 0.
  };
  std::map<pid_t, Watched> watched_;
  Time next_look_{};
  std::uint64_t kernels_kills_ = kills_by_kernel();  // That are known.

  static std::uint64_t kills_by_kernel();
};

}  // namespace troupe
