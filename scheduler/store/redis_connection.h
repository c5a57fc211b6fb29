// One connection to Redis: commands go into a buffer, `exchange` moves bytes both ways without blocking, replies come
// out in order. The socket is our own, because hiredis' is inherited by every child process and its writes raise
// SIGPIPE.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "scheduler/store/redis_reader.h"

namespace troupe::scheduler {

using Deadline = std::chrono::steady_clock::time_point;

/// Threads: one thread.
class RedisConnection {
 public:
  /// Fails with: unavailable (nobody listens there now), bad_input (no possible path).
  static Result<RedisConnection> connect(const std::string& socket);

  RedisConnection(RedisConnection&&) noexcept;
  RedisConnection& operator=(RedisConnection&&) noexcept;
  ~RedisConnection();

  /// Adds a command to what is to be sent.
  void append(std::span<const std::string_view> arguments);
  void append(std::initializer_list<std::string_view> arguments) {
    append(std::span(arguments.begin(), arguments.size()));
  }
  std::size_t unsent_bytes() const { return out_.size() - sent_; }

  /// Sends what the socket takes and reads what is there. Does not block.
  void exchange();

  /// The next reply that has come in whole.
  std::optional<RedisReply> next_reply();

  /// Set once the connection is gone. Replies that came before that are still handed out.
  const std::optional<Error>& lost() const { return lost_; }

  /// Blocks for the next reply.
  ///
  /// Fails with: peer_lost, timed_out.
  Result<RedisReply> wait_reply(Deadline deadline);
  /// Sends one command and blocks for its reply. Requires: no other reply is outstanding.
  Result<RedisReply> ask(std::initializer_list<std::string_view> arguments, Deadline deadline);

  int descriptor() const { return socket_; }

 private:
  RedisConnection(int socket, std::string name);
  void lose(const std::string& why);
  void send_some();
  void read_some();

  int socket_ = -1;
  std::string name_;
  std::string out_;
  std::size_t sent_ = 0;
  RedisReader reader_;
  std::optional<Error> lost_;
};

}  // namespace troupe::scheduler
