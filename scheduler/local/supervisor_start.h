// Starts a supervisor: this program once more, in another role.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "scheduler/local/supervisor_plan.h"

namespace troupe::scheduler {

/// The program that this process runs.
std::string own_program();

/// A supervisor that is up. Moves; its end is its owner's matter.
struct StartedSupervisor {
  pid_t pid = -1;
  int control = -1;  ///< See supervisor.h.
};

/// Until when a starter waits: its supervisor may be silent for so long, and no longer.
class StartLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds longest_silence{30};

  explicit StartLimit(Time now) : end_(now + longest_silence) {}
  /// True when the line was a sign of life alone: then the wait goes on.
  bool goes_on(std::string_view line, Time now);
  Time end() const { return end_; }

 private:
  Time end_;
};

/// Starts it in a session of its own, so that ^C reaches this process alone, and waits for its word.
///
/// `log`, unless it is empty, takes what it and its children write.
/// Fails with: unavailable (why there is none), timed_out.
Result<StartedSupervisor> start_supervisor(const SupervisorPlan& plan, const std::string& log = {});

/// Half closes the line: it ends in order. Waits until it has.
void end_supervisor(StartedSupervisor& supervisor);

}  // namespace troupe::scheduler
