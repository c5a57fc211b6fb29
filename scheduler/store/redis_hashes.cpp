#include "scheduler/store/redis_hashes.h"

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "scheduler/store/record_codec.h"
#include "scheduler/store/redis_greeting.h"
#include "scheduler/store/redis_layout.h"
#include "scheduler/store/tally.h"

namespace troupe::scheduler {
namespace {

constexpr std::string_view fields_per_scan = "2000";

class HashReader {
 public:
  HashReader(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience)
      : connection_(connection), socket_(socket), patience_(patience) {}

  /// Calls `take` with each field and record, each once or twice.
  Result<void> each(std::string_view key, const std::function<Result<void>(RecordPlace, std::string_view)>& take) {
    const std::string command = "HSCAN " + std::string(key);
    std::string cursor = "0";
    do {
      auto reply = connection_.ask({"HSCAN", key, cursor, "COUNT", fields_per_scan},
                                   std::chrono::steady_clock::now() + patience_);
      if (!reply) return reply.error();
      if (reply->is_error()) return redis_refusal(socket_, command, *reply);
      if (reply->size() != 2 || !(*reply)[0].is_text() || !(*reply)[1].is_array())
        return Error{Fault::corrupt,
                     "Redis at " + socket_ + " answers " + command + " with something else than a scan"};
      cursor = (*reply)[0].text();
      const RedisValue found = (*reply)[1];
      for (std::size_t i = 0; i + 1 < found.size(); i += 2)
        if (auto taken = take({key, found[i].text()}, found[i + 1].text()); !taken) return taken;
    } while (cursor != "0");
    return {};
  }

 private:
  RedisConnection& connection_;
  const std::string& socket_;
  std::chrono::milliseconds patience_;
};

Result<void> read_queues(HashReader& reader, StoredQueues& queues) {
  auto read = reader.each(queues_key, [&](RecordPlace place, std::string_view bytes) -> Result<void> {
    auto options = decode_record<sync::QueueOptions>(place, bytes);
    if (!options) return options.error();
    queues[std::string(place.field)].options = *options;
    return {};
  });
  for (auto each = queues.begin(); read && each != queues.end(); ++each) {
    read = reader.each(queue_key(each->first), [&](RecordPlace place, std::string_view bytes) -> Result<void> {
      const auto number = decimal_from(place.field);
      if (!number) return damaged_record(place, "it is no message's number");
      auto message = decode_record<StoredMessage>(place, bytes);
      if (!message) return message.error();
      each->second.messages.insert_or_assign(*number, std::move(*message));
      return {};
    });
  }
  return read;
}

}  // namespace

Result<void> load_hashes(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience,
                         StoredState& state) {
  HashReader reader(connection, socket, patience);
  auto read = read_queues(reader, state.queues);
  if (!read) return read;
  std::map<std::string, CachedResult> cached;
  read = reader.each(cache_key, [&](RecordPlace place, std::string_view bytes) -> Result<void> {
    auto result = decode_record<CachedResult>(place, bytes);
    if (!result) return result.error();
    if (cache_field(result->key) != place.field) return damaged_record(place, "it is of another key");
    std::string key = result->key;
    cached.insert_or_assign(std::move(key), std::move(*result));
    return {};
  });
  if (!read) return read;
  std::set<NodeId> drained;
  read = reader.each(drained_key, [&](RecordPlace place, std::string_view bytes) -> Result<void> {
    const auto node = decode_record<NodeId>(place, bytes);
    if (!node) return node.error();
    if (to_text(*node) != place.field) return damaged_record(place, "it is of another node");
    drained.insert(*node);
    return {};
  });
  if (!read) return read;
  for (auto& [key, result] : cached) state.cached.push_back(std::move(result));
  state.drained.assign(drained.begin(), drained.end());
  return {};
}

Result<void> check_tally(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience,
                         const StoredState& state) {
  const auto stored = connection.ask({"GET", tally_key}, std::chrono::steady_clock::now() + patience);
  if (!stored) return stored.error();
  if (stored->is_error()) return redis_refusal(socket, "GET " + std::string(tally_key), *stored);
  if (stored->is_nil()) return {};  // Nothing was ever there, or a version wrote it that kept none.
  const std::string found = Tally(state).text();
  const std::string expected(stored->text());
  if (found == expected) return {};
  return Error{Fault::corrupt, "the queues, cached results and drained nodes in Redis at " + socket +
                                   " are not all those that were written: their tally is '" + found +
                                   "', stored was '" + expected + "': restore its folder from a copy"};
}

}  // namespace troupe::scheduler
