// A redis-server of our own: a child process on a unix socket in a private folder, synced at every write, gone when we
// are.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace troupe::scheduler {

struct RedisServerOptions {
  std::string folder;   ///< Made if it is missing (0700). One server at a time: it holds a lock there.
  std::string socket;   ///< Empty: `FOLDER/redis.sock`. At most 107 characters.
  std::string program;  ///< Empty: redis-server in PATH, or redis-check-rdb, which is the same program.
  std::vector<std::string> more_arguments;  ///< Behind our own: of a setting given twice the last one counts.
};

/// Threads: the child dies with the thread that started it; so start it from one that lives as long as the server.
class RedisServer {
 public:
  /// Starts the child and returns at once. It is `is_ready()` some 10 ms later.
  ///
  /// Fails with: unsupported (no redis-server: what to install), bad_input (folder, socket path), unavailable (another
  /// server runs in the folder).
  static Result<RedisServer> start(const RedisServerOptions& options);

  /// `start` and `wait_until_ready`.
  static Result<RedisServer> start_and_wait(const RedisServerOptions& options,
                                            std::chrono::milliseconds limit = std::chrono::milliseconds(10'000));

  RedisServer(RedisServer&& other) noexcept;
  RedisServer& operator=(RedisServer&& other) noexcept;
  ~RedisServer();  ///< Stops it.

  /// Whether it answers commands by now. Cost: well under a millisecond.
  ///
  /// Fails with: unavailable (it ended: the last line of its log), refused (too old).
  Result<bool> is_ready();
  Result<void> wait_until_ready(std::chrono::milliseconds limit);

  /// Asks it to end, and kills it after `limit`. Harmless when it is gone.
  void stop(std::chrono::milliseconds limit = std::chrono::milliseconds(2'000));
  /// Kills it at once, as a crash would. Nothing that was acknowledged is lost.
  void kill();

  /// Whether the child still runs; takes note of its end.
  bool is_running();
  const std::string& socket() const { return socket_; }
  const std::string& folder() const { return folder_; }
  pid_t pid() const { return pid_; }  ///< 0 once it is gone.
  /// Becomes readable when the child ends.
  int end_descriptor() const { return end_descriptor_; }

 private:
  RedisServer(std::string folder, std::string socket, pid_t pid);
  bool wait_for_end(std::chrono::milliseconds limit);
  void forget();
  Error ended() const;

  std::string folder_;
  std::string socket_;
  pid_t pid_ = 0;
  int end_descriptor_ = -1;
};

}  // namespace troupe::scheduler
