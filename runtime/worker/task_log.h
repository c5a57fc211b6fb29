// Log files: what tasks, commands and actors print, a file for each attempt that prints anything. A file that has grown
// beyond its cap becomes FILE.1, in place of the one before it, and goes on anew: twice the cap is kept of an attempt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/ids.h"

namespace troupe {

inline constexpr std::uint64_t most_log_bytes = 64u << 20;  ///< Of a file.

inline constexpr std::size_t longest_name_in_log = 200;  ///< Of the 255 that a file's name may have.

/// Whose a log is: an attempt of a task or an actor, with its name.
struct LogOwner {
  TaskId task;
  AttemptId attempt;
  std::string name;
};

/// `TASK-NAME-EPOCH.NUMBER`; what of the name may not stand in a file's is `_`. A command's log is in its task's own
/// directory.
std::string log_name(const LogOwner& owner);

/// Reads what log_name wrote; of an older log nothing.
std::optional<LogOwner> log_owner_from(std::string_view file_name);

/// What was written before the file itself.
inline std::string older_log(const std::string& file) { return file + ".1"; }

/// Opens it for appending. -1: it cannot be.
int open_log(const std::string& file);

/// For a reader that misses nothing: while it has a descriptor of his open the file is not thrown away; whoever writes
/// is held up, as by a pipe that is full.
void hold_log(int descriptor);
bool is_held(const std::string& file);

/// The file becomes the older one; opens a new one.
int rotate_log(const std::string& file);

/// Beside the logs of a node: what ended there last (agent/recent_attempts.h).
inline constexpr const char* recent_attempts_file = "recent-attempts";

/// What was printed last; empty: nothing.
std::string last_lines(const std::string& file, std::size_t most_lines = 20, std::size_t most_bytes = 4096);

/// Removes the logs that were written to longest ago, beyond 2,000 of them or 1 GiB. Those of workers as such stay.
void prune_logs(const std::string& folder);

}  // namespace troupe
