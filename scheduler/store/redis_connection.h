// One connection to Redis: commands go into a buffer, `exchange` moves bytes both ways without blocking, replies come
// out in order. hiredis reads the replies; the socket is our own, because hiredis' is inherited by every child process
// and its writes raise SIGPIPE.
//
// Only the redis_*.cpp files of this folder include hiredis.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

struct redisReply;
struct redisReader;

namespace troupe::scheduler {

using Deadline = std::chrono::steady_clock::time_point;

/// What Redis answered, or a part of it. Lives as long as its RedisReply.
class RedisValue {
 public:
  explicit RedisValue(const redisReply* reply) : reply_(reply) {}

  bool is_nil() const;
  bool is_error() const;
  bool is_text() const;  ///< A string or a status.
  bool is_array() const;

  std::string_view text() const;                   ///< Of a text or an error; empty otherwise.
  std::size_t size() const;                        ///< Of an array; 0 otherwise.
  RedisValue operator[](std::size_t index) const;  ///< Requires: index < size().

 private:
  const redisReply* reply_;
};

struct FreeReply {
  void operator()(redisReply* reply) const;
};
class RedisReply : public RedisValue {
 public:
  explicit RedisReply(redisReply* reply) : RedisValue(reply), owned_(reply) {}

 private:
  std::unique_ptr<redisReply, FreeReply> owned_;
};

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

  struct FreeReader {
    void operator()(redisReader* reader) const;
  };

  int socket_ = -1;
  std::string name_;
  std::string out_;
  std::size_t sent_ = 0;
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::optional<Error> lost_;
};

}  // namespace troupe::scheduler
