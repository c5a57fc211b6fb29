// The attempts that ended last on a node, in a file of a fixed size in its folder of logs: what a driver's task did is
// nowhere else once its scheduler has forgotten it. Whoever may read the folder reads it while it is written.
//
// Invariants: the file has all its memory from the start, so that a full disk ends nothing; an entry that is being
// written, or was when its agent was killed, does not match its checksum.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/agent/agent_core.h"
#include "runtime/base/ids.h"
#include "runtime/base/task_spec.h"

namespace troupe {

struct RecentAttempt {
  TaskId task;
  AttemptId attempt;
  NodeId node;
  std::string name;             ///< Of the task, its first bytes.
  std::int64_t started_ms = 0;  ///< Since 1970, by the node's clock.
  std::int64_t ended_ms = 0;
  AttemptEnd end = AttemptEnd::done;
};

class RecentAttempts {
 public:
  static constexpr std::size_t most = 4096;
  static constexpr std::size_t most_name_bytes = 76;

  /// Goes on where an earlier incarnation of the node's agent ended; its core's time begins now. Where there can be no
  /// such file, nothing is noted.
  RecentAttempts(const std::string& folder, NodeId node);
  ~RecentAttempts();
  RecentAttempts(const RecentAttempts&) = delete;

  /// What is told of the end of an attempt, if it had begun and this is the first time.
  ///
  /// Cost: 128 bytes of memory written.
  void note(const agent::SendReport& told);

  /// The oldest first. None where there is no such file, or of another version.
  static std::vector<RecentAttempt> read(const std::string& folder);

 private:
  struct File;
  File* file_ = nullptr;
  const std::int64_t core_began_ms_;
};

}  // namespace troupe
