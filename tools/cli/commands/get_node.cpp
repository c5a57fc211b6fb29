#include "tools/cli/commands/get_node.h"

#include <cstdio>
#include <vector>

#include <nlohmann/json.hpp>

#include "tools/cli/cluster_report.h"
#include "tools/cli/commands/get_task.h"
#include "tools/cli/json_line.h"
#include "tools/cli/object_report.h"
#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using Json = nlohmann::ordered_json;

void print(const message::NodeSummary& node, const std::vector<message::TaskSummary>& tasks) {
  print_row("node", node.name);
  print_row("id", to_text(node.node));
  print_row("state", state_of(node) + (node.drains ? ", drained" : ""));
  print_row("has", describe(node.capacity));
  print_row("free", milli_text(node.free_cpus) + " cpus, " + milli_text(node.free_gpus) + " gpus, " +
                        size_text(node.free_memory_bytes));
  for (const auto& gpu : node.capacity.gpus)
    print_row("gpu", std::to_string(gpu.index) + ": " + size_text(gpu.memory_bytes) + ", " + gpu.uuid);
  print_row("running", std::to_string(node.running));
  std::printf("\n");
  Table table({{"task"}, {"is"}, {"since"}, {"id"}});
  for (const auto& task : tasks)
    table.add({task.name, task.work, local_time(task.records.empty() ? 0 : task.records.back().started_ms),
               to_text(task.task)});
  if (!tasks.empty()) table.print();
}

}  // namespace

Result<bool> print_node(LiveWork& live, const std::string& id, bool json) {
  const auto status = live.status();
  if (!status) return status.error();
  const auto node = find_node(status->nodes, id);
  if (!node) return node.error().fault == Fault::not_found ? Result<bool>(false) : node.error();
  const auto tasks = live.tasks({.with_attempts = true, .node = (*node)->node});
  if (!tasks) return tasks.error();
  if (!json) {
    print(**node, *tasks);
    return true;
  }
  Json object = Json::parse(node_json(**node));
  Json list = Json::array();
  for (const auto& task : *tasks)
    list.push_back({{"task", task.name},
                    {"task_id", to_text(task.task)},
                    {"work", task.work},
                    {"started", task.records.empty() ? Json() : Json(rfc3339(task.records.back().started_ms))}});
  object["task_list"] = std::move(list);
  std::printf("%s\n", json_line(object).c_str());
  return true;
}

Result<bool> print_object(const scheduler::ClusterFile& cluster, const std::string& id, bool json) {
  bool is_there = false;
  const auto seen = for_each_object(cluster, [&](const ObjectSummary& object, const std::string& store) {
    if (id_of(object) != id) return;
    is_there = true;
    if (json) return void(std::printf("%s\n", object_json(object, store).c_str()));
    print_row("object", id_of(object));
    print_row("state", std::string("in ") + (object.memory_bytes > 0 ? "memory" : "a file"));
    print_row("bytes", std::to_string(object.bytes));
    print_row("held by", std::to_string(object.held));
    print_row("read by", std::to_string(object.opened));
    print_row("store", store);
  });
  if (!seen) return seen.error();
  return is_there;
}

}  // namespace troupe::cli
