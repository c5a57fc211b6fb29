// Where things lie in Redis. README.md shows it as redis-cli does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/ids.h"

namespace troupe::scheduler {

inline constexpr std::string_view cluster_key = "troupe:cluster";        ///< 32 hexadecimal digits.
inline constexpr std::string_view epoch_key = "troupe:epoch";            ///< Of the one scheduler that may write.
inline constexpr std::string_view commit_seq_key = "troupe:commit_seq";  ///< Of the last batch.
inline constexpr std::string_view lease_key = "troupe:lease";            ///< See redis_lease.h.
inline constexpr std::string_view jobs_key = "troupe:jobs";              ///< A set of ids, 16 hexadecimal digits each.
inline constexpr std::string_view tally_key = "troupe:tally";            ///< See tally.h.

inline constexpr std::string_view queues_key = "troupe:queues";    ///< A hash: each durable queue's options.
inline constexpr std::string_view cache_key = "troupe:cache";      ///< A hash: cached results by their digests.
inline constexpr std::string_view drained_key = "troupe:drained";  ///< A hash: nodes that take no new work, by id.

std::string cache_field(std::string_view key);  ///< Hexadecimal digits.
std::string graph_key(JobId job);  ///< A hash: `job`, and `spec:N` and `task:N` for each task; or `summary`.
std::string queue_key(std::string_view queue);  ///< A hash: each message by its number.

inline constexpr std::string_view job_field = "job";
inline constexpr std::string_view summary_field = "summary";  ///< All there is of a graph that was compacted.
std::string spec_field(std::uint32_t number);                 ///< Written once.
std::string progress_field(std::uint32_t number);             ///< `task:N`: written at each change.

/// Like HSET, but no other command is one flipped bit away from it (LSET is, from HSET): Redis would load such a file,
/// and drop the command without a word.
inline constexpr std::string_view write_command = "HMSET";

/// What a field of a graph's hash holds.
struct GraphField {
  enum class Kind { job, spec, progress, summary } kind;
  std::uint32_t number = 0;  ///< Of the task.
};

/// Reads a field's name; nullopt when it is none of them.
std::optional<GraphField> graph_field_from(std::string_view name);

/// Reads a number that is written in decimal digits and nothing else.
std::optional<std::uint64_t> decimal_from(std::string_view text);

}  // namespace troupe::scheduler
