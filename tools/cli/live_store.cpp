#include "tools/cli/live_store.h"

#include <poll.h>

#include <algorithm>
#include <iterator>

#include "scheduler/store/record_codec.h"
#include "scheduler/store/redis_greeting.h"
#include "scheduler/store/redis_layout.h"

namespace troupe::cli {

using namespace scheduler;

Result<LiveStore> LiveStore::connect(const std::string& socket) {
  auto connection = RedisConnection::connect(socket);
  if (!connection) return connection.error();
  return LiveStore(socket, std::move(*connection));
}

Result<std::vector<TaskProgress>> LiveStore::progress_of(std::span<const TaskId> tasks) {
  constexpr std::size_t most_at_once = 256;
  constexpr std::chrono::seconds patience{10};
  constexpr int between_tries_ms = 20;
  std::vector<TaskProgress> found;
  for (auto deadline = std::chrono::steady_clock::now() + patience; found.size() < tasks.size();) {
    const std::size_t count = std::min(most_at_once, tasks.size() - found.size());
    auto part = ask(tasks.subspan(found.size(), count), deadline);
    if (part) {
      std::move(part->begin(), part->end(), std::back_inserter(found));
      continue;
    }
    const Fault fault = part.error().fault;
    const bool may_pass = fault == Fault::peer_lost || fault == Fault::unavailable;
    if (!may_pass || std::chrono::steady_clock::now() >= deadline) return part.error();
    ::poll(nullptr, 0, between_tries_ms);
    if (auto connection = RedisConnection::connect(socket_)) connection_ = std::move(*connection);
  }
  return found;
}

Result<std::vector<TaskProgress>> LiveStore::ask(std::span<const TaskId> tasks, Deadline deadline) {
  std::vector<TaskProgress> found;
  for (const TaskId task : tasks) connection_.append({"HGET", graph_key(task.job), progress_field(task.number)});
  for (const TaskId task : tasks) {
    const auto reply = connection_.wait_reply(deadline);
    if (!reply) return reply.error();
    const std::string key = graph_key(task.job);
    const std::string field = progress_field(task.number);
    if (reply->is_error()) return redis_refusal(socket_, "HGET", *reply);
    if (!reply->is_text()) return Error{Fault::not_found, "the store has no " + to_text(RecordPlace{key, field})};
    auto progress = decode_record<TaskProgress>({key, field}, reply->text());
    if (!progress) return progress.error();
    found.push_back(std::move(*progress));
  }
  return found;
}

}  // namespace troupe::cli
