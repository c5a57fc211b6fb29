#include "scheduler/local/supervisor_plan.h"

#include <charconv>
#include <utility>

#include "runtime/wire/base_fields.h"

namespace troupe::scheduler {
namespace {

std::string to_hex(const std::string& bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace

SupervisorPlan supervisor_plan_from(const RoleArguments& arguments) {
  const auto is_set = [&](const char* key) { return arguments.at(key) == "1"; };
  auto capacity = decode<NodeCapacity>(from_hex(arguments.at("capacity")));
  TROUPE_CHECK(capacity, "a supervisor is told what its node has");
  return {.cluster = arguments.cluster(),
          .directory = arguments.at("directory"),
          .member = arguments.at("member"),
          .outlives_starter = is_set("outlives_starter"),
          .has_store = is_set("has_store"),
          .has_scheduler = is_set("has_scheduler"),
          .has_agent = is_set("has_agent"),
          .store = arguments.at("store"),
          .logs = arguments.at("logs"),
          .name = arguments.at("name"),
          .agent = arguments.at("agent"),
          .capacity = std::move(*capacity),
          .object_bytes = std::stoll(arguments.at("object_bytes")),
          .record = arguments.at("record"),
          .most_restarts = std::stoul(arguments.at("most_restarts")),
          .most_tasks = std::stoul(arguments.at("most_tasks"))};
}

RoleArguments role_of(const SupervisorPlan& plan) {
  const auto flag = [](bool value) { return std::string(value ? "1" : "0"); };
  return {"supervisor",
          {{"cluster", to_text(plan.cluster)},
           {"directory", plan.directory},
           {"member", plan.member},
           {"outlives_starter", flag(plan.outlives_starter)},
           {"has_store", flag(plan.has_store)},
           {"has_scheduler", flag(plan.has_scheduler)},
           {"has_agent", flag(plan.has_agent)},
           {"store", plan.store},
           {"logs", plan.logs},
           {"name", plan.name},
           {"agent", plan.agent},
           {"capacity", to_hex(encode(plan.capacity))},
           {"object_bytes", std::to_string(plan.object_bytes)},
           {"record", plan.record},
           {"most_restarts", std::to_string(plan.most_restarts)},
           {"most_tasks", std::to_string(plan.most_tasks)}}};
}

}  // namespace troupe::scheduler
