// What of an actor is on disk (RestartMode), as bytes and back: checkpoints, and the calls of a log in batches, each
// written and synced as one. Pure.
//
// A batch: magic u32 · length of the body u32 · its place in the file, from 0, u64 · crc32c(body) u32 · crc32c(the 20
// bytes before) u32 · body, all little endian. A checkpoint: a line with the version · SHA-256 of the body · body.
//
// Decoding is total. A log may end within its last batch: that one was not synced, so nobody was told of it. Where
// whole batches follow, it is damaged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/result.h"
#include "runtime/base/task_spec.h"

namespace troupe {

struct LoggedCall {
  std::uint64_t caller = 0;
  std::uint64_t number = 0;
  std::string method;
  std::vector<Bytes> arguments;  ///< The values themselves.
  std::string refusal;           ///< Why it is not run; empty: it is.
  std::uint32_t open = 0;        ///< message::Call's.
  friend bool operator==(const LoggedCall&, const LoggedCall&) = default;
};

/// What a method returned, or what it threw.
struct KeptAnswer {
  bool ok = false;
  Bytes bytes;
  friend bool operator==(const KeptAnswer&, const KeptAnswer&) = default;
};

/// Of one caller's calls all up to `last` are in the state.
struct KeptCaller {
  std::uint64_t caller = 0;
  std::uint64_t last = 0;
  std::uint64_t turn = 0;           ///< Grows with each call of anybody's: who called longest ago has the least.
  std::vector<KeptAnswer> answers;  ///< To the last so many, which it may not have; of calls that are not logged none.
  friend bool operator==(const KeptCaller&, const KeptCaller&) = default;
};

struct Checkpoint {
  Bytes state;  ///< As the actor's hook gave it.
  std::vector<KeptCaller> callers;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

std::string encode_batch(std::uint64_t place, const std::vector<LoggedCall>& calls);

enum class LogEnd { whole, may_be_cut };
/// The calls of a log, in order. Fails with: corrupt (the byte, what was found, what was expected).
Result<std::vector<LoggedCall>> decode_log(std::string_view bytes, LogEnd end);

std::string encode_checkpoint(const Checkpoint& checkpoint);
/// Fails with: corrupt.
Result<Checkpoint> decode_checkpoint(std::string_view bytes);

/// Names a checkpoint, and the log of what came after it. A later attempt's are later.
struct Generation {
  AttemptId attempt;
  std::uint32_t number = 0;
  friend auto operator<=>(const Generation&, const Generation&) = default;
};
std::string checkpoint_name(
    Generation generation);                   ///< `checkpoint-EPOCH.ATTEMPT.NUMBER`, in 8 hexadecimal digits each.
std::string log_name(Generation generation);  ///< `log-…`

/// Finds out which files there are. Anything else is passed over.
struct FoundFiles {
  std::vector<Generation> checkpoints;  ///< Earliest first.
  std::vector<Generation> logs;
};
FoundFiles files_from(const std::vector<std::string>& names);

}  // namespace troupe
