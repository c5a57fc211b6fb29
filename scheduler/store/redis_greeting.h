// What is asked on every new connection before anything else: is this a Redis that keeps what it says, and how old is
// the store in it? The greeting ends with `WATCH epoch · GET epoch`, so a connection that passed it may commit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/base/store_age.h"
#include "scheduler/store/redis_connection.h"

namespace troupe::scheduler {

inline constexpr std::size_t greeting_replies = 8;

/// Appends the greeting's commands; `greeting_replies` replies follow.
void append_greeting(RedisConnection& connection);

/// Whether Redis is one to trust: version 7 or later, a master, append-only file on and synced always, nothing evicted.
///
/// Fails with: refused (the setting by name, what was found and what to do), unavailable (still loading).
Result<void> judge_settings(const std::string& socket, const std::vector<RedisReply>& greeting);

/// Whether Redis still reads its file.
bool is_loading(const std::vector<RedisReply>& greeting);

/// The age of the store; nullopt when it is new.
///
/// Fails with: corrupt (which key), unavailable (still loading).
Result<std::optional<StoreAge>> judge_age(const std::string& socket, const std::vector<RedisReply>& greeting);

/// Reads `epoch` from a reply to GET; nullopt for nil.
///
/// Fails with: corrupt, unavailable.
Result<std::optional<std::uint32_t>> epoch_from(const std::string& socket, const RedisValue& reply);
/// So for commit_seq.
Result<std::optional<std::uint64_t>> commit_seq_from(const std::string& socket, const RedisValue& reply);

/// An error reply as an error of ours: unavailable while Redis loads, refused otherwise, corrupt for a foreign type.
Error redis_refusal(const std::string& socket, const std::string& command, const RedisValue& reply);

/// Blocks for the greeting of a new connection.
Result<std::vector<RedisReply>> greet(RedisConnection& connection, Deadline deadline);

}  // namespace troupe::scheduler
