#include "tools/cli/commands/list_sync.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "scheduler/local/standing.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/cluster_report.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/json_line.h"
#include "tools/cli/output.h"

namespace troupe::cli {
namespace {

using message::ClaimSummary;
using message::LockSummary;
using message::MessageQueueSummary;
using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds answer_limit{10'000};

int fail(const Error& error) {
  complain("list", error.message);
  return exit_code_of(error);
}

Result<message::SyncStatus> ask(const std::string& option) {
  const auto cluster = need_cluster(option);
  if (!cluster) return cluster.error();
  auto session = scheduler::connect(*cluster);
  if (!session) return session.error();
  return session->core().ask_sync(answer_limit);
}

void print_line(const Json& value) { std::printf("%s\n", json_line(value).c_str()); }

std::string kind_of(const LockSummary& lock) { return lock.kind == sync::Kind::lock ? "lock" : "semaphore"; }

Json lock_object(const LockSummary& lock) {
  Json holders = Json::array();
  for (const auto& claim : lock.holders) holders.push_back(holder_object(claim));
  return {{"lock", lock.name},       {"kind", kind_of(lock)},   {"permits", lock.capacity},     {"free", lock.free},
          {"holding", lock.holding}, {"waiting", lock.waiting}, {"holders", std::move(holders)}};
}

/// `task …` or `driver …`, of the first.
std::string holder_text(const LockSummary& lock) {
  if (lock.holders.empty()) return "-";
  const ClaimSummary& first = lock.holders.front();
  std::string text = first.task ? "task " + to_text(first.task, first.attempt) : "driver " + to_text(first.client);
  if (!first.name.empty()) text += " (" + first.name + ')';
  return lock.holding > 1 ? text + " and " + std::to_string(lock.holding - 1) + " more" : text;
}

Json queue_object(const MessageQueueSummary& queue) {
  return {{"queue", queue.name},
          {"durable", queue.options.durable},
          {"capacity", queue.options.capacity},
          {"max_deliveries", queue.options.max_deliveries},
          {"ready", queue.ready},
          {"delivered", queue.delivered},
          {"dead", queue.dead},
          {"receivers", queue.receivers}};
}

}  // namespace

int list_locks(const ListCommand& command, const std::vector<Filter>& filters) {
  const auto status = ask(command.cluster);
  if (!status) return fail(status.error());
  Table table({{"lock"}, {"kind"}, {"permits", true}, {"free", true}, {"waiting", true}, {"held by"}});
  std::size_t rows = 0;
  for (const auto& lock : status->locks) {
    const bool fits = std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
      return filter.second == (filter.first == "lock" ? lock.name : kind_of(lock));
    });
    if (!fits || rows == command.limit) continue;
    ++rows;
    if (command.json) {
      print_line(lock_object(lock));
    } else {
      table.add({lock.name, kind_of(lock), std::to_string(lock.capacity), std::to_string(lock.free),
                 std::to_string(lock.waiting), holder_text(lock)});
    }
  }
  if (!command.json) table.print();
  return exit_done;
}

int list_queues(const ListCommand& command, const std::vector<Filter>& filters) {
  const auto status = ask(command.cluster);
  if (!status) return fail(status.error());
  Table table({{"queue"},
               {"durable"},
               {"capacity", true},
               {"ready", true},
               {"delivered", true},
               {"dead", true},
               {"receivers", true}});
  std::size_t rows = 0;
  for (const auto& queue : status->queues) {
    const bool fits =
        std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) { return filter.second == queue.name; });
    if (!fits || rows == command.limit) continue;
    ++rows;
    if (command.json) {
      print_line(queue_object(queue));
    } else {
      table.add({queue.name, queue.options.durable ? "yes" : "no", std::to_string(queue.options.capacity),
                 std::to_string(queue.ready), std::to_string(queue.delivered), std::to_string(queue.dead),
                 std::to_string(queue.receivers)});
    }
  }
  if (!command.json) table.print();
  return exit_done;
}

}  // namespace troupe::cli
