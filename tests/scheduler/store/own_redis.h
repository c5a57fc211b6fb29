// A real redis-server for one test.
#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/store/redis_connection.h"
#include "scheduler/store/redis_server.h"
#include "scheduler/store/redis_task_store.h"
#include "tests/scheduler/store/store_support.h"

namespace troupe::scheduler::test {

using std::chrono::milliseconds;

/// A Redis in a folder of its own, that can be killed and started again.
class Redis {
 public:
  explicit Redis(std::vector<std::string> more_arguments = {}) : more_arguments_(std::move(more_arguments)) {
    start();
    wait();
  }

  /// From now on it is started with these.
  void set_arguments(std::vector<std::string> more_arguments) { more_arguments_ = std::move(more_arguments); }
  void start() {
    server_.reset();
    auto server = RedisServer::start({.folder = folder_.path(), .more_arguments = more_arguments_});
    if (!server) FAIL(server.error().message);
    server_.emplace(std::move(*server));
  }
  void wait() {
    const auto ready = server_->wait_until_ready(milliseconds(10'000));
    if (!ready && more_arguments_.empty()) FAIL(ready.error().message);
  }
  void kill() { server_->kill(); }
  RedisServer& server() { return *server_; }
  const std::string& folder() const { return folder_.path(); }
  const std::string& socket() const { return server_->socket(); }
  RedisStoreOptions options(milliseconds patience = milliseconds(10'000)) const {
    return {.socket = socket(), .patience = patience};
  }

  /// A command as an administrator would type it.
  std::string raw(std::initializer_list<std::string_view> arguments) {
    auto connection = RedisConnection::connect(socket());
    REQUIRE(connection);
    const auto reply = connection->ask(arguments, std::chrono::steady_clock::now() + std::chrono::seconds(10));
    REQUIRE(reply);
    INFO(reply->text());
    REQUIRE(!reply->is_error());
    return std::string(reply->text());
  }

 private:
  Folder folder_;
  std::vector<std::string> more_arguments_;
  std::optional<RedisServer> server_;
};

/// Why it is not opened.
inline Error refused(const RedisStoreOptions& options) {
  RedisTaskStore store(options);
  const auto state = store.open(some_cluster);
  REQUIRE(!state);
  return state.error();
}

inline Error lost(const CommitOutcome& outcome) {
  REQUIRE(std::holds_alternative<StoreLost>(outcome));
  return std::get<StoreLost>(outcome).error;
}

}  // namespace troupe::scheduler::test
