#include "scheduler/store/redis_greeting.h"

#include <array>
#include <limits>

#include "scheduler/store/redis_layout.h"

namespace troupe::scheduler {

namespace {

struct Setting {
  std::string_view name;
  std::string_view wanted;
};
constexpr std::array settings = {Setting{"appendonly", "yes"}, Setting{"appendfsync", "always"},
                                 Setting{"maxmemory-policy", "noeviction"}};

// The order of the greeting's replies.
constexpr std::size_t info_at = 0;
constexpr std::size_t settings_at = 1;
constexpr std::size_t watch_at = 4;
constexpr std::size_t epoch_at = 5;
constexpr std::size_t cluster_at = 6;
constexpr std::size_t commit_seq_at = 7;
static_assert(settings_at + settings.size() == watch_at && commit_seq_at + 1 == greeting_replies);

constexpr int oldest_version = 7;

/// The value behind `name:` in the lines that INFO answers.
std::string_view info_value(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const std::size_t end = std::min(info.find('\n', at), info.size());
    std::string_view line = info.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() > name.size() && line.substr(0, name.size()) == name && line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
    at = end + 1;
  }
  return {};
}

std::string quoted(std::string_view text) { return '"' + std::string(text.substr(0, 64)) + '"'; }

Error foreign_value(const std::string& socket, std::string_view key, std::string_view found, const char* expected) {
  return {Fault::corrupt, "store record " + std::string(key) + " in Redis at " + socket + " is damaged: found " +
                              quoted(found) + ", expected " + expected};
}

/// The text of a GET; nullopt for nil.
Result<std::optional<std::string_view>> text_from(const std::string& socket, std::string_view key,
                                                  const RedisValue& reply) {
  if (reply.is_error()) return redis_refusal(socket, "GET " + std::string(key), reply);
  if (reply.is_nil()) return std::optional<std::string_view>{};
  if (!reply.is_text()) return foreign_value(socket, key, "no text", "a text");
  return std::optional(reply.text());
}

Result<std::optional<std::uint64_t>> number_from(const std::string& socket, std::string_view key, std::uint64_t limit,
                                                 const RedisValue& reply) {
  const auto text = text_from(socket, key, reply);
  if (!text) return text.error();
  if (!*text) return std::optional<std::uint64_t>{};
  const auto number = decimal_from(**text);
  if (!number || *number > limit) return foreign_value(socket, key, **text, "a number");
  return number;
}

}  // namespace

void append_greeting(RedisConnection& connection) {
  connection.append({"INFO"});
  for (const Setting& setting : settings) connection.append({"CONFIG", "GET", setting.name});
  connection.append({"WATCH", epoch_key});
  connection.append({"GET", epoch_key});
  connection.append({"GET", cluster_key});
  connection.append({"GET", commit_seq_key});
}

Error redis_refusal(const std::string& socket, const std::string& command, const RedisValue& reply) {
  const std::string_view text = reply.text();
  const std::string says = "Redis at " + socket + " answers " + command + " with " + std::string(text);
  if (text.substr(0, 7) == "LOADING") return {Fault::unavailable, says};
  if (text.substr(0, 9) == "WRONGTYPE") {
    return {Fault::corrupt, says + ": the store was changed by somebody else; restore its folder from a copy"};
  }
  return {Fault::refused, says + ": allow it to this user in Redis' settings"};
}

Result<void> judge_settings(const std::string& socket, const std::vector<RedisReply>& greeting) {
  const RedisValue& info = greeting[info_at];
  if (info.is_error()) return redis_refusal(socket, "INFO", info);
  const std::string_view version = info_value(info.text(), "redis_version");
  if (decimal_from(version.substr(0, version.find('.'))).value_or(0) < oldest_version) {
    return Error{Fault::refused, "Redis at " + socket + " has version " + quoted(version) +
                                     ", must be 7.0 or later: install a newer redis-tools or redis-server"};
  }
  const std::string_view role = info_value(info.text(), "role");
  if (role != "master") {
    return Error{Fault::refused,
                 "Redis at " + socket + " has the role " + quoted(role) + ", must be master: give the address of one"};
  }
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const RedisValue& reply = greeting[settings_at + i];
    const Setting& setting = settings[i];
    if (reply.is_error()) return redis_refusal(socket, "CONFIG GET " + std::string(setting.name), reply);
    const std::string_view found = reply.size() == 2 ? reply[1].text() : std::string_view();
    if (found != setting.wanted) {
      const std::string name(setting.name);
      const std::string wanted(setting.wanted);
      return Error{Fault::refused, "Redis at " + socket + " has " + name + " " + quoted(found) + ", must be " + wanted +
                                       ": put the line `" + name + " " + wanted + "` into its redis.conf"};
    }
  }
  return {};
}

bool is_loading(const std::vector<RedisReply>& greeting) {
  return info_value(greeting[info_at].text(), "loading") == "1";
}

Result<std::optional<std::uint32_t>> epoch_from(const std::string& socket, const RedisValue& reply) {
  const auto number = number_from(socket, epoch_key, std::numeric_limits<std::uint32_t>::max(), reply);
  if (!number) return number.error();
  if (!*number) return std::optional<std::uint32_t>{};
  return std::optional(static_cast<std::uint32_t>(**number));
}

Result<std::optional<std::uint64_t>> commit_seq_from(const std::string& socket, const RedisValue& reply) {
  return number_from(socket, commit_seq_key, std::numeric_limits<std::uint64_t>::max(), reply);
}

Result<std::optional<StoreAge>> judge_age(const std::string& socket, const std::vector<RedisReply>& greeting) {
  if (greeting[watch_at].is_error()) return redis_refusal(socket, "WATCH", greeting[watch_at]);
  const auto epoch = epoch_from(socket, greeting[epoch_at]);
  if (!epoch) return epoch.error();
  const auto commit_seq = commit_seq_from(socket, greeting[commit_seq_at]);
  if (!commit_seq) return commit_seq.error();
  const auto cluster = text_from(socket, cluster_key, greeting[cluster_at]);
  if (!cluster) return cluster.error();

  if (!*cluster && !*epoch && !*commit_seq) return std::optional<StoreAge>{};
  // They are written together, so one that is missing was taken away.
  const std::string_view missing = !*cluster ? cluster_key : !*epoch ? epoch_key : commit_seq_key;
  if (!*cluster || !*epoch || !*commit_seq) return foreign_value(socket, missing, "nothing", "a value");

  const auto high = hex_from((*cluster)->substr(0, 16));
  const auto low = hex_from((*cluster)->substr(std::min<std::size_t>(16, (*cluster)->size())));
  if (!high || !low) return foreign_value(socket, cluster_key, **cluster, "32 hexadecimal digits");
  return std::optional(StoreAge{{*high, *low}, **epoch, **commit_seq});
}

Result<std::vector<RedisReply>> greet(RedisConnection& connection, Deadline deadline) {
  append_greeting(connection);
  connection.exchange();
  std::vector<RedisReply> replies;
  while (replies.size() < greeting_replies) {
    auto reply = connection.wait_reply(deadline);
    if (!reply) return reply.error();
    replies.push_back(std::move(*reply));
  }
  return replies;
}

}  // namespace troupe::scheduler
