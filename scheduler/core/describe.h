// One line of text per event and effect: what the shell logs, what transcripts are made of.
#pragma once

#include <string>

#include "scheduler/core/effect.h"
#include "scheduler/core/event.h"

namespace troupe::scheduler {

/// How ids read. By default as they are; a log or a test that knows names gives those.
class Names {
 public:
  virtual ~Names() = default;
  virtual std::string of(NodeId id) const { return to_text(id); }
  virtual std::string of(DriverId id) const { return to_text(id); }
  virtual std::string of(JobId id) const { return to_text(id); }
  virtual std::string of(TaskId id) const { return to_text(id); }
};

/// `a finishes t1#1`.
std::string describe(const Event& event, const Names& names = {});
/// `run t1#2 on b`.
std::string describe(const Effect& effect, const Names& names = {});

/// `t1#2`; from the second epoch on `t1#2@2`.
std::string describe(TaskId task, AttemptId attempt, const Names& names = {});

/// Whether the shell should act on it outside the store: neither a write nor a note.
bool is_send(const Effect& effect);

/// The first line of a cause, or what it amounts to: `exit code 3`, `signal 9`.
std::string one_line(const Cause& cause);

}  // namespace troupe::scheduler
