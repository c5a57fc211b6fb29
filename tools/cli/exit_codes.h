// What every command exits with; fixed, since scripts go by it.
#pragma once

namespace troupe::cli {

inline constexpr int exit_done = 0;
inline constexpr int exit_work_failed = 1;    ///< A task, a trial, a check.
inline constexpr int exit_bad_input = 2;      ///< Nothing was started.
inline constexpr int exit_no_cluster = 3;     ///< There is none, or it refused.
inline constexpr int exit_internal = 4;       ///< A bug.
inline constexpr int exit_interrupted = 130;  ///< After orderly clean-up.

}  // namespace troupe::cli
