#include "tools/cli/live_store.h"

#include <algorithm>

#include "scheduler/store/record_codec.h"
#include "scheduler/store/redis_layout.h"

namespace troupe::cli {

using namespace scheduler;

Result<LiveStore> LiveStore::connect(const std::string& socket) {
  auto connection = RedisConnection::connect(socket);
  if (!connection) return connection.error();
  return LiveStore(std::move(*connection));
}

Result<std::vector<TaskProgress>> LiveStore::progress_of(std::span<const TaskId> tasks) {
  constexpr std::size_t most_at_once = 256;
  std::vector<TaskProgress> found;
  for (std::size_t begin = 0; begin < tasks.size(); begin += most_at_once) {
    const auto part = tasks.subspan(begin, std::min(most_at_once, tasks.size() - begin));
    for (const TaskId task : part) connection_.append({"HGET", graph_key(task.job), progress_field(task.number)});
    const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (const TaskId task : part) {
      const auto reply = connection_.wait_reply(deadline);
      if (!reply) return reply.error();
      const std::string key = graph_key(task.job);
      const std::string field = progress_field(task.number);
      if (!reply->is_text()) return Error{Fault::not_found, "the store has no " + to_text(RecordPlace{key, field})};
      auto progress = decode_record<TaskProgress>({key, field}, reply->text());
      if (!progress) return progress.error();
      found.push_back(std::move(*progress));
    }
  }
  return found;
}

}  // namespace troupe::cli
